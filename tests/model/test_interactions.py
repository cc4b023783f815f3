"""Interactions: what one viewer said of one title, in every order that makes a difference."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from marquee.model.interactions import interactions
from marquee.params import read_params
from marquee.tables import EVENTS, INTERACTIONS, RATINGS, WHEN

PARAMS = read_params(Path(__file__).parents[2] / "params.yaml")
SIGNALS, STAR = PARAMS.signals, PARAMS.star
DAY_0 = datetime(2020, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

Told = tuple[str, float | None, int]  # kind, value, day


def events(*told: Told, user_id: int = 1, title_id: int | None = 5, late: int = 0) -> pl.LazyFrame:
    rows = [
        {"position": n, "event_id": f"e{n}", "user_id": user_id, "title_id": title_id, "kind": kind, "value": value,
         "happened_at": DAY_0 + day * DAY, "recorded_at": DAY_0 + (day + late) * DAY, "source": "test"}
        for n, (kind, value, day) in enumerate(told)
    ]  # fmt: skip
    return pl.LazyFrame(rows, schema=dict(EVENTS.columns))


def ratings(*rows: tuple[int, int, float, int]) -> pl.LazyFrame:
    days = [(user, title, stars, DAY_0 + day * DAY) for user, title, stars, day in rows]
    schema = {"user_id": pl.UInt16(), "title_id": pl.UInt16(), "rating": pl.Float32(), "rated_at": WHEN}
    return pl.LazyFrame(days, schema=schema, orient="row").sort(RATINGS.sorted_by)


def made(rated: pl.LazyFrame | None, told: pl.LazyFrame | None) -> pl.DataFrame:
    return INTERACTIONS.check(interactions(rated, told, SIGNALS, STAR).collect())


def only(*told: Told) -> dict[str, object]:
    return made(None, events(*told)).row(0, named=True)


def test_what_happened_at_the_same_moment_stays_in_the_order_in_which_it_was_told() -> None:
    one_day = pl.concat([events(("watch_finished", None, 1), title_id=title) for title in (9, 7, 8)])
    again = events(("liked", None, 1), title_id=9)
    assert made(None, one_day)["title_id"].to_list() == [9, 7, 8]
    assert made(None, pl.concat([one_day, again]))["title_id"].to_list() == [7, 8, 9]


def test_ratings_alone_stay_in_their_order_and_each_star_adds_to_the_strength() -> None:
    table = made(ratings((1, 5, 5.0, 2), (1, 6, 1.0, 3), (2, 5, 3.0, 1)), None)
    assert table.select("user_id", "title_id", "rating").rows() == [(1, 5, 5.0), (1, 6, 1.0), (2, 5, 3.0)]
    assert table["strength"].to_list() == pytest.approx([1.4, 0.6, 1.0])
    assert table["label"].to_list() == pytest.approx([1.78, 0.22, 1.0])
    assert table["at"].to_list() == table["known_at"].to_list() == [DAY_0 + n * DAY for n in (2, 3, 1)]
    assert table["hides"].all()


def test_what_says_nothing_leaves_no_row() -> None:
    assert made(None, events(("shown", None, 1), ("searched", None, 2), ("paused", None, 3))).is_empty()
    assert made(None, events(("watch_finished", None, 1), title_id=None)).is_empty()
    assert made(None, events()).is_empty()


def test_the_latest_stars_replace_the_earlier_ones() -> None:
    row = only(("rated", 1.0, 4), ("rated", 5.0, 2))
    assert row["rating"] == 1.0
    assert row["strength"] == pytest.approx(0.6)
    assert row["at"] == DAY_0 + 4 * DAY


@pytest.mark.parametrize(
    ("first", "then", "strength"),
    [
        ("liked", "disliked", SIGNALS.disliked.strength),
        ("disliked", "liked", SIGNALS.liked.strength),
        ("not_interested", "liked", SIGNALS.liked.strength),
        ("abandoned", "watch_finished", SIGNALS.watch_finished.strength),
        ("watch_finished", "abandoned", SIGNALS.abandoned.strength),
    ],
)
def test_a_later_statement_replaces_the_one_it_contradicts(first: str, then: str, strength: float) -> None:
    assert only((first, None, 1), (then, None, 2))["strength"] == pytest.approx(strength)


def test_of_two_at_the_same_moment_the_one_told_last_stands() -> None:
    assert only(("liked", None, 1), ("disliked", None, 1))["strength"] == pytest.approx(SIGNALS.disliked.strength)


def test_the_strongest_word_for_a_title_and_the_strongest_against_it_add_up() -> None:
    row = only(("saved", None, 1), ("rewatched", None, 2), ("watch_finished", None, 3), ("disliked", None, 4))
    assert row["strength"] == pytest.approx(SIGNALS.rewatched.strength + SIGNALS.disliked.strength)
    assert row["label"] == SIGNALS.rewatched.label


def test_doing_the_same_twice_counts_once() -> None:
    assert only(("opened", None, 1), ("opened", None, 2))["strength"] == pytest.approx(SIGNALS.opened.strength)


@pytest.mark.parametrize("kind", ["not_interested", "abandoned", "disliked"])
def test_a_refusal_hides_and_teaches_no_grade(kind: str) -> None:
    row = only((kind, None, 1))
    assert row["hides"]
    assert row["strength"] < 0  # type: ignore[operator]
    assert row["label"] == 0


def test_who_looks_again_at_what_they_have_seen_did_not_see_it_later() -> None:
    row = only(("rated", 5.0, 4), ("opened", None, 90), ("watch_progress", 0.1, 91))
    assert (row["at"], row["known_at"], row["label"]) == (DAY_0 + 4 * DAY, DAY_0 + 91 * DAY, pytest.approx(1.78))
    assert only(("saved", None, 4), ("opened", None, 90))["at"] == DAY_0 + 90 * DAY


def test_looking_at_a_title_does_not_hide_it() -> None:
    assert not only(("opened", None, 1), ("saved", None, 2), ("watch_started", None, 3))["hides"]


def test_ratings_and_events_of_one_viewer_come_together_and_others_stay_as_they_were() -> None:
    rated = ratings((1, 5, 2.0, 1), (1, 9, 4.0, 5), (2, 5, 3.0, 1), (7, 5, 3.0, 1))
    told = pl.concat([events(("rated", 5.0, 3), ("liked", None, 2)), events(("saved", None, 9), user_id=4)])
    table = made(rated, told)
    assert table.select("user_id", "title_id", "rating").rows() == [
        (1, 5, 5.0), (1, 9, 4.0), (2, 5, 3.0), (4, 5, None), (7, 5, 3.0)
    ]  # fmt: skip
    assert table["strength"].to_list() == pytest.approx([1.5, 1.2, 1.0, 0.3, 1.0])
    alone = made(rated, None).filter(pl.col("user_id") == 2)
    assert table.filter(pl.col("user_id") == 2).drop("user_id", "title_id").equals(alone.drop("user_id", "title_id"))


def test_a_row_is_known_when_the_last_of_what_it_says_was_told() -> None:
    table = made(None, pl.concat([events(("saved", None, 1)), events(("liked", None, 2), late=30)]))
    assert table.select("at", "known_at").row(0) == (DAY_0 + 2 * DAY, DAY_0 + 32 * DAY)
