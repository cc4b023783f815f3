"""The cuts on worlds small enough to say by hand what is past and what is wanted."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest

from marquee.errors import TableError
from marquee.model import split
from marquee.model.interactions import interactions as interactions_of
from marquee.model.split import Cut
from marquee.params import read_params
from marquee.params.quality import CutName
from marquee.tables import INTERACTIONS, WHEN

CUTS = get_args(CutName)
RECIPE = read_params(Path(__file__).parents[2] / "params.yaml")

START = datetime(2005, 1, 1, tzinfo=UTC)
Pair = tuple[int, int]


def interactions(rows: Sequence[tuple[int, int, int]], label: float = 1.0, known_late: int = 0) -> pl.DataFrame:
    """Rows of viewer, title and day; known so many days later."""
    bare = pl.DataFrame(rows, {"user_id": pl.UInt32, "title_id": pl.UInt32, "day": pl.Int64}, orient="row")
    at = pl.lit(START).cast(WHEN) + pl.duration(days="day")
    late = timedelta(days=known_late)
    told = bare.select("user_id", "title_id", strength=1.0, label=label, hides=True, at=at, known_at=at + late)
    floats = {"strength": pl.Float32, "label": pl.Float32, "rating": pl.Float32}
    return INTERACTIONS.check(INTERACTIONS.complete(told).cast(floats))  # type: ignore[arg-type]


def pairs(frame: pl.DataFrame) -> list[Pair]:
    return frame.select("user_id", "title_id").rows()


def together(*frames: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(frames).sort(INTERACTIONS.sorted_by)


# Viewer 1 has ten titles on days 0 to 9, viewer 2 five on days 5 to 9, viewer 3 a single one on day 9.
TEN = [(1, title, day) for day, title in enumerate(range(10, 20))]
FIVE = [(2, title, day) for day, title in enumerate(range(10, 15), 5)]
WORLD = interactions([*TEN, *FIVE, (3, 10, 9)])


def test_the_last_one_of_each_viewer_is_wanted_but_never_the_only_one() -> None:
    cut = split.last_one(WORLD)
    assert pairs(cut.test) == [(1, 19), (2, 14)]
    assert pairs(cut.train) == [*[(1, title) for title in range(10, 19)], *[(2, t) for t in range(10, 14)], (3, 10)]
    assert cut.histories.equals(cut.train)


def test_the_last_fifth_of_each_viewer_is_wanted_rounded_down() -> None:
    assert pairs(split.last_fifth(WORLD).test) == [(1, 18), (1, 19), (2, 14)]


def test_by_time_the_past_ends_at_one_moment_for_everybody() -> None:
    # 16 rows, the 13th oldest is from day 8: three rows are from later, one of each viewer.
    cut = split.by_time(WORLD)
    assert pairs(cut.test) == [(1, 19), (2, 14), (3, 10)]
    assert cut.train["at"].max() == START + timedelta(days=8)
    assert cut.histories.equals(cut.train)


def test_by_time_the_moment_is_that_of_a_row_and_rather_the_earlier_one() -> None:
    # Of 8 rows the 5.6th after the oldest: the sixth oldest row's moment, day 5.
    cut = split.by_time(interactions([(1, title, title) for title in range(8)]))
    assert pairs(cut.test) == [(1, 6), (1, 7)]


def test_live_the_model_is_old_and_histories_are_fresh() -> None:
    early = interactions([(1, title, title // 2) for title in range(16)])
    cut = split.live(together(early, interactions([(2, title, title) for title in (1, 18, 19, 20)])))
    assert pairs(cut.test) == [(2, 20)]
    assert (2, 19) in pairs(cut.histories)
    assert (2, 19) not in pairs(cut.train)
    assert (2, 1) in pairs(cut.train)
    assert cut.histories["user_id"].unique().to_list() == [2]


def test_a_stranger_is_nowhere_in_train_and_hands_over_four_fifths() -> None:
    world = interactions([(user, title, title) for user in range(1, 31) for title in range(1, 11)])
    cut = split.strangers(world, seed=1)
    strange = cut.test["user_id"].unique()
    assert len(strange) == 3
    assert cut.train.filter(pl.col("user_id").is_in(strange.to_list())).is_empty()
    assert pairs(cut.histories) == [(user, title) for user in sorted(strange) for title in range(1, 9)]
    assert pairs(cut.test) == [(user, title) for user in sorted(strange) for title in (9, 10)]
    assert cut.train.height == 27 * 10


def test_another_seed_chooses_other_strangers_and_the_same_seed_the_same() -> None:
    world = interactions([(user, title, title) for user in range(1, 101) for title in range(1, 6)])
    chosen = [frozenset(split.strangers(world, seed).test["user_id"]) for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1]
    assert chosen[0] != chosen[2]


@pytest.mark.parametrize("name", CUTS)
def test_no_row_is_both_past_and_wanted(name: str) -> None:
    world = interactions([(user, title, user % 7 + title) for user in range(1, 41) for title in range(1, 11)])
    cut = split.cut(world, name, seed=0)
    assert cut.name == name
    assert cut.test.height > 0
    for past in (cut.train, cut.histories):
        assert INTERACTIONS.check(past).join(cut.test, on=["user_id", "title_id"], how="semi").is_empty()


@pytest.mark.parametrize("name", ["by_time", "live"])
def test_what_was_recorded_after_the_moment_is_not_known_to_the_model(name: str) -> None:
    on_time = interactions([(1, title, title) for title in range(1, 21)])
    late = interactions([(2, title, 5) for title in range(1, 4)], known_late=100)
    cut = split.cut(together(on_time, late), name, seed=0)
    assert set(cut.train["user_id"]) == {1}
    assert set(cut.test["user_id"]) == {1}


def test_live_a_history_holds_only_what_was_known_when_the_viewer_asked() -> None:
    on_time = interactions([(1, title, title) for title in range(1, 21)])
    late = interactions([(1, 99, 18)], known_late=100)
    cut = split.live(together(on_time, late))
    assert pairs(cut.test) == [(1, 20)]
    assert (1, 99) not in pairs(cut.histories)
    assert (1, 19) in pairs(cut.histories)


@pytest.mark.parametrize("cut", [split.last_one, split.last_fifth, split.by_time, split.live])
def test_what_nobody_wanted_is_no_answer_and_no_past(cut: Callable[[pl.DataFrame], Cut]) -> None:
    liked = interactions([(1, title, title) for title in range(1, 10)])
    abandoned = interactions([(1, 50, 30), (2, 50, 31)], label=0.0)
    answer = cut(together(liked, abandoned))
    assert 50 not in [title for _, title in pairs(answer.test)]
    assert (1, 50) not in pairs(answer.train)
    assert (1, 50) not in pairs(answer.histories)


@pytest.mark.parametrize("name", CUTS)
def test_an_empty_table_gives_empty_cuts(name: str) -> None:
    cut = split.cut(WORLD.clear(), name, seed=0)
    assert cut.train.height == cut.histories.height == cut.test.height == 0


def test_cuts_of_one_past_have_one_past() -> None:
    world = interactions([(user, title, user % 7 + title) for user in range(1, 41) for title in range(1, 11)])
    for name, same in split.SAME_PAST.items():
        assert split.cut(world, name, seed=0).train.equals(split.cut(world, same, seed=0).train)


def test_of_many_viewers_some_are_asked_about_and_all_are_learnt_from() -> None:
    whole = split.last_one(interactions([(user, title, title) for user in range(1, 41) for title in range(1, 6)]))
    some = split.some_of(whole, 7, seed=0)
    assert some.train.equals(whole.train)
    assert some.test["user_id"].n_unique() == 7
    assert set(some.histories["user_id"]) == set(some.test["user_id"])
    assert split.some_of(whole, 40, seed=0).test.equals(whole.test)


def test_a_cut_asks_somebody_only_if_one_who_is_tested_has_a_past() -> None:
    one_after_another = interactions([(user, title, 10 * user + title) for user in range(1, 11) for title in range(8)])
    asks = {name for name in CUTS if split.cut(one_after_another, name, seed=0).is_asked}
    assert asks == set(CUTS) - {"by_time"}
    assert not any(split.cut(WORLD.clear(), name, seed=0).is_asked for name in CUTS)


def test_rows_out_of_order_are_refused() -> None:
    with pytest.raises(TableError, match="not sorted by user_id, at"):
        split.last_one(WORLD.reverse())


def judged(ratings: pl.DataFrame, protocol: str) -> list[list[Pair]]:
    """Train, histories and test as an outside judge cuts them: of all ratings, whatever the stars."""
    rows = ratings.sort("user_id", "rated_at", maintain_order=True).with_columns(
        size=pl.len().over("user_id"), end=pl.int_range(pl.len(), 0, -1).over("user_id") - 1
    )
    late = pl.col("rated_at") > rows["rated_at"].sort()[int(0.8 * (rows.height - 1))]
    last, fifth = (pl.col("end") == 0) & (pl.col("size") > 1), pl.col("end") < (pl.col("size") * 0.2).cast(pl.Int64)
    viewers = rows["user_id"].unique().sort().to_numpy()
    chosen = np.random.default_rng(0).choice(viewers, len(viewers) // 10, replace=False).tolist()
    strange, asked = (
        pl.col("user_id").is_in(chosen),
        pl.col("user_id").is_in(rows.filter(late & last)["user_id"].to_list()),
    )
    past, histories, test = {
        "last_one": (~last, ~last, last),
        "last_fifth": (~fifth, ~fifth, fifth),
        "by_time": (~late, ~late, late),
        "live": (~late, asked & ~(late & last), late & last),
        "strangers": (~strange, strange & ~fifth, strange & fifth),
    }[protocol]
    return [pairs(rows.filter(each)) for each in (past, histories, test)]


@pytest.mark.parametrize("name", CUTS)
def test_the_cuts_are_an_outside_judges_and_half_a_star_is_an_answer(name: CutName) -> None:
    rng, count = np.random.default_rng(3), 900
    drawn = rng.choice(60 * 40, count, replace=False)
    ratings = pl.DataFrame(
        {
            "user_id": drawn // 40,
            "title_id": drawn % 40,
            "rating": rng.integers(1, 11, count) / 2,
            "rated_at": pl.Series(rng.integers(0, 400, count) * 86_400_000).cast(WHEN),  # many at the same moment
        }
    ).cast({"user_id": pl.UInt32, "title_id": pl.UInt32, "rating": pl.Float32})
    in_order = ratings.sort("user_id", "rated_at", maintain_order=True)
    table = interactions_of(in_order.lazy(), None, RECIPE.signals, RECIPE.star).collect()
    made = split.cut(table, name, 0)
    assert [sorted(pairs(each)) for each in (made.train, made.histories, made.test)] == [
        sorted(each) for each in judged(ratings, name)
    ]
