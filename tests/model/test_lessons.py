"""Claims about lessons: sources never know the answers, requests know nothing of what came after their moment."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from marquee.model.histories import Histories, Ints
from marquee.model.lessons import Asked, Lesson, by_time, fifth, latest, lessons
from marquee.params import LessonsParams
from tests.model.conftest import DAY, histories, interactions
from tests.model.sources.conftest import watched

PARAMS = LessonsParams(
    viewers=60,
    hidden=4,
    steps=(1, 3),
    ahead=2,
    first=1,
    moments=(0.5, 0.8),
    later=2,
    newcomers=(0, 1, 3),
    negatives=10,
    rows=1_000_000,
)
ALL = PARAMS.model_copy(update={"viewers": 1_000})
NAMES = ["latest", "fifth", "by_time_0.5", "by_time_0.8"]
SHARE = 0.7


@pytest.fixture(scope="module")
def world() -> Histories:
    """Some rows are learnt late: requests of the past must do without them."""
    rows = interactions(120, seed=11)
    return histories(told_late(rows, moment_of(rows, 0.5)))


@pytest.fixture(scope="module")
def taught(world: Histories) -> dict[str, Lesson]:
    return {lesson.name: lesson for lesson in lessons(world, PARAMS, seed=1)}


def rows(histories: Histories) -> set[tuple[int, int]]:
    return set(rows_in_order(histories))


def rows_in_order(histories: Histories) -> list[tuple[int, int]]:
    return list(zip(histories.user_ids[histories.user].tolist(), histories.title.tolist(), strict=True))


def learnt(histories: Histories) -> Ints:
    return np.maximum(histories.at, histories.known_at)


def test_every_kind_of_lesson_is_given(taught: dict[str, Lesson]) -> None:
    assert list(taught) == NAMES
    assert [len(taught[name].asked) for name in NAMES] == [2, 1, 7, 7]


def test_what_came_after_a_moment_is_asked_as_often_as_told(taught: dict[str, Lesson]) -> None:
    first, second, *others = taught["by_time_0.8"].asked
    assert first.histories.user_ids.tolist() == second.histories.user_ids.tolist()
    assert rows(first.wanted) == rows(second.wanted)
    assert all(rows(first.wanted) != rows(asked.wanted) for asked in others)


@pytest.mark.parametrize("name", NAMES)
def test_sources_never_know_the_answers_and_nobody_wants_what_they_have_seen(
    taught: dict[str, Lesson], name: str
) -> None:
    for asked in taught[name].asked:
        assert not rows(asked.wanted) & rows(taught[name].past)
        assert not rows(asked.wanted) & rows(asked.histories)


@pytest.mark.parametrize("name", NAMES)
def test_requests_and_answers_are_of_the_same_viewers_and_each_wanted_something(
    taught: dict[str, Lesson], name: str
) -> None:
    for asked in taught[name].asked:
        assert asked.histories.user_ids.tolist() == asked.wanted.user_ids.tolist()
        assert len(asked.as_of) == len(asked.histories) <= PARAMS.viewers
        assert (asked.wanted.counts > 0).all()
        assert (asked.wanted.label > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_requests_know_nothing_of_what_came_after_their_moment(taught: dict[str, Lesson], name: str) -> None:
    for asked in taught[name].asked:
        assert (learnt(asked.histories) <= asked.as_of[asked.histories.user]).all()


def test_latest_asks_what_is_next_at_several_places(world: Histories) -> None:
    lesson = latest(world, ALL, np.random.default_rng(1))
    assert rows(lesson.past) == rows(world.where(world.from_end >= 4))
    for steps, asked in zip(ALL.steps, lesson.asked, strict=True):
        assert rows(asked.histories) == rows(world.where(world.from_end >= steps))
        assert rows(asked.wanted) == rows(world.where((world.from_end < steps) & (world.from_end >= steps - 2)))


def test_the_very_next_title_is_wanted_a_grade_more(world: Histories) -> None:
    graded = latest(world, ALL, np.random.default_rng(1))
    as_told = latest(world, ALL.model_copy(update={"first": 0}), np.random.default_rng(1))
    for steps, asked, told in zip(ALL.steps, graded.asked, as_told.asked, strict=True):
        first = [row in rows(world.where(world.from_end == steps - 1)) for row in rows_in_order(asked.wanted)]
        assert any(first)
        assert rows_in_order(asked.wanted) == rows_in_order(told.wanted)
        assert asked.wanted.label == pytest.approx(told.wanted.label + np.array(first))


def test_lessons_up_to_the_end_ask_once_all_of_it_was_known(world: Histories) -> None:
    told_at_last = world.known_at.max() + DAY
    late = replace(world, known_at=np.where(np.arange(len(world.at)) == 5, told_at_last, world.known_at))
    rng = np.random.default_rng(1)
    for lesson in (latest(late, ALL, rng), fifth(late, ALL, rng)):
        assert {int(moment) for asked in lesson.asked for moment in asked.as_of} == {int(told_at_last)}


def test_short_histories_keep_at_least_half_to_their_sources() -> None:
    lesson = latest(watched([0, 1, 2], [0, 1], [0]), ALL, np.random.default_rng(1))
    assert lesson.past.counts.tolist() == [2, 1, 1]
    assert [asked.histories.user_ids.tolist() for asked in lesson.asked] == [[1, 2]]


def test_newcomers_are_unknown_to_the_past_and_known_by_their_first_titles(taught: dict[str, Lesson]) -> None:
    for name in NAMES[2:]:
        known, *newcomers = taught[name].asked[PARAMS.later - 1 :][: 1 + len(PARAMS.newcomers)]
        assert set(known.histories.user_ids) <= set(taught[name].past.user_ids)
        for first, asked in zip(PARAMS.newcomers, newcomers, strict=True):
            assert not set(asked.histories.user_ids) & set(taught[name].past.user_ids)
            assert set(asked.histories.counts) == {first}


def test_a_service_asks_an_old_model_with_a_fresh_history(world: Histories) -> None:
    lesson = by_time(world, 0.5, ALL, np.random.default_rng(1))
    moment = lesson.past.at.max()
    for steps, asked in zip(ALL.steps, lesson.asked[ALL.later + len(ALL.newcomers) :], strict=True):
        later = world.where(world.at > moment).counts
        could = world.of(np.flatnonzero((later >= steps) & (world.counts > steps)))
        assert rows(asked.wanted) == rows(could.where((could.from_end < steps) & (could.from_end >= steps - 2)))
        assert rows(asked.histories) == rows(could.where(could.from_end >= steps))
        assert (asked.wanted.at > moment).all()


def test_the_same_seed_gives_the_same_lessons(world: Histories, taught: dict[str, Lesson]) -> None:
    for lesson in lessons(world, PARAMS, seed=1):
        for one, other in zip(lesson.asked, taught[lesson.name].asked, strict=True):
            assert one.histories.user_ids.tolist() == other.histories.user_ids.tolist()


def test_who_wanted_nothing_has_nothing_to_teach() -> None:
    unwanted = replace(watched([0, 1, 2, 3]), label=np.zeros(4, np.float32))
    assert not list(lessons(unwanted, PARAMS, seed=1))


def test_nobody_and_one_rating_give_no_lesson() -> None:
    assert not list(lessons(watched(), PARAMS, seed=1))
    assert not list(lessons(watched([], []), PARAMS, seed=1))
    assert [lesson.name for lesson in lessons(watched([0]), PARAMS, seed=1)] == []


def moment_of(table: pl.DataFrame, share: float) -> int:
    """The moment by which that share of all rows had happened."""
    at = np.sort(table["at"].dt.epoch("ms").to_numpy())
    return int(at[int(share * (len(at) - 1))])


def after(moment: int) -> pl.Expr:
    return pl.max_horizontal("at", "known_at").dt.epoch("ms") > moment


def as_of_moment(table: pl.DataFrame, moment: int) -> Lesson:
    """The lesson at that moment, however many rows came after it."""
    place = int((table["at"].dt.epoch("ms") <= moment).sum()) - 0.5
    return by_time(histories(table), place / (table.height - 1), ALL, np.random.default_rng(1))


def told_late(table: pl.DataFrame, moment: int) -> pl.DataFrame:
    """A tenth of the rows is learnt after the moment, whenever they happened."""
    late = pl.int_range(pl.len()) % 10 == 0
    learnt = pl.when(late).then(pl.lit(moment + 50 * DAY).cast(table.schema["at"])).otherwise("known_at")
    return table.with_columns(known_at=pl.max_horizontal(learnt, "at"))


def planted(table: pl.DataFrame, moment: int) -> pl.DataFrame:
    """Another future: other titles and stars, half as many rows again, of viewers nobody knew; all learnt after it."""
    future, past = table.filter(after(moment)), table.filter(~after(moment))
    other = future.with_columns(
        title_id=(pl.col("title_id") * 7) % 90 + 1, rating=6 - pl.col("rating"), strength=2 - pl.col("strength")
    ).unique(["user_id", "title_id"], maintain_order=True)
    other = other.join(past, on=["user_id", "title_id"], how="anti", maintain_order="left")
    new = interactions(30, seed=77, first_id=5_000).filter(after(moment))
    return pl.concat([past, other, new])


def same(one: Histories, other: Histories) -> bool:
    arrays, others = one.arrays(), other.arrays()
    return all(np.array_equal(arrays[name], others[name], equal_nan=True) for name in arrays)


def known_in_both(one: Asked, other: Asked) -> tuple[Histories, Histories]:
    ids = np.intersect1d(one.histories.user_ids, other.histories.user_ids)
    assert len(ids) > 10
    both = [np.flatnonzero(np.isin(asked.histories.user_ids, ids)) for asked in (one, other)]
    return one.histories.of(both[0]), other.histories.of(both[1])


@pytest.fixture(scope="module")
def told() -> tuple[pl.DataFrame, int]:
    """A world in which some rows are learnt late, and a moment of it."""
    rows = interactions(120, seed=11)
    moment = moment_of(rows, SHARE)
    return told_late(rows, moment), moment


def test_another_future_leaves_the_past_and_its_requests_as_they_were(told: tuple[pl.DataFrame, int]) -> None:
    table, moment = told
    lesson, other = as_of_moment(table, moment), as_of_moment(planted(table, moment), moment)
    assert lesson.asked[0].as_of[0] == other.asked[0].as_of[0] == moment
    assert same(lesson.past, other.past)
    assert same(*known_in_both(lesson.asked[0], other.asked[0]))


def test_a_leak_would_be_seen(told: tuple[pl.DataFrame, int]) -> None:
    """As if a row had been known when it happened, though it was learnt later."""
    table, moment = told
    one, other = (rows.with_columns(known_at="at") for rows in (table, planted(table, moment)))
    lesson, another = as_of_moment(one, moment), as_of_moment(other, moment)
    assert not same(lesson.past, another.past)
    assert not same(*known_in_both(lesson.asked[0], another.asked[0]))
