"""Live quality: what counts as taken, whose it is, and that chance and one busy viewer prove nothing."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from marquee.quality.live import by_version, gap, taken
from marquee.tables import EVENTS

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
WITHIN = timedelta(hours=48)
Row = tuple[int, int, str, float, str | None]  # user_id, title_id, kind, hours after the beginning, version


def events(*rows: Row) -> pl.DataFrame:
    names = {"user_id": pl.Int64, "title_id": pl.Int64, "kind": pl.String, "hours": pl.Float64, "version": pl.String}
    told = pl.DataFrame(list(rows), names, orient="row")
    detail = [None if of is None else json.dumps({"model": of, "rank": 1}) for of in told["version"]]
    at = pl.lit(BEGIN) + pl.duration(minutes=pl.col("hours") * 60)
    bare = told.select("user_id", "title_id", "kind", happened_at=at.dt.cast_time_unit("ms"), detail=pl.Series(detail))
    return EVENTS.complete(bare.with_columns(position=pl.int_range(pl.len())))


def outcomes(*rows: Row) -> list[tuple[str, bool, bool, bool, bool]]:
    told = taken(events(*rows), WITHIN)
    return told.select("version", "opened", "finished", "rated", "taken").rows()


@pytest.mark.parametrize(
    ("deed", "hours", "expected"),
    [
        ("opened", 1, (True, False, False, False)),
        ("watch_finished", 47, (True, True, False, True)),
        ("liked", 1, (False, False, True, True)),
        ("watch_finished", 49, (False, False, False, False)),
        ("watch_finished", -1, (False, False, False, False)),
        ("disliked", 1, (False, False, False, False)),
    ],
)
def test_what_a_viewer_does_with_a_title_in_time_is_said_of_showing_it(
    deed: str, hours: float, expected: tuple[bool, ...]
) -> None:
    assert outcomes((1, 7, "shown", 0, "3"), (1, 7, deed, hours, None)) == [("3", *expected)]


def test_another_viewer_and_another_title_say_nothing() -> None:
    told = outcomes((1, 7, "shown", 0, "3"), (2, 7, "watch_finished", 1, None), (1, 8, "watch_finished", 1, None))
    assert told == [("3", False, False, False, False)]


def test_what_was_shown_twice_counts_for_who_showed_it_last() -> None:
    told = outcomes((1, 7, "shown", 0, "1"), (1, 7, "shown", 2, "2"), (1, 7, "watch_finished", 3, None))
    assert [(version, is_taken) for version, *_, is_taken in told] == [("1", False), ("2", True)]


def test_a_rank_that_is_no_number_is_not_known_and_all_else_counts() -> None:
    ranks = ["first", "1.0", 2.0, 3, None, 1e300, {"of": 1}]
    details = [json.dumps({"model": "3", "rank": rank}) for rank in ranks]
    shown = events(*((user, 7, "shown", 0, "3") for user in range(len(ranks))))
    told = taken(shown.with_columns(detail=pl.Series(details)), WITHIN)
    assert told["rank"].to_list() == [None, 1, 2, 3, None, None, None]
    free = pl.Series(["no JSON", "[]", "{", "", None, "7", '"x"'])
    assert taken(shown.with_columns(detail=free), WITHIN).is_empty()


def test_versions_are_told_apart() -> None:
    rows: list[Row] = [(user, 7, "shown", 0, "1" if user < 5 else "2") for user in range(1, 9)]
    told = by_version(taken(events(*rows, (1, 7, "watch_finished", 1, None)), WITHIN))
    shares = {row["version"]: (row["viewers"], row["shown"], row["taken"]) for row in told.iter_rows(named=True)}
    assert shares == {"1": (4, 4, 0.25), "2": (4, 4, 0.0)}


def shown_by(version: str, share: float, viewers: int, seed: int) -> list[Row]:
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    first = int(version) * 1_000
    for user in range(first, first + viewers):
        for title in range(1, 11):
            rows.append((user, title, "shown", 0.0, version))
            if rng.random() < share:
                rows.append((user, title, "watch_finished", 1.0, None))
    return rows


def test_a_clear_loss_is_seen_and_an_equal_one_is_not() -> None:
    worse = taken(events(*shown_by("1", 0.3, 100, 1), *shown_by("2", 0.15, 100, 2)), WITHIN)
    assert gap(worse, "2", "1").high < 0
    surprised = 0
    for seed in range(40):
        told = taken(events(*shown_by("1", 0.2, 40, seed), *shown_by("2", 0.2, 40, 1_000 + seed)), WITHIN)
        surprised += gap(told, "2", "1").high < 0
    assert surprised <= 4


def test_one_busy_viewer_proves_nothing() -> None:
    lone: list[Row] = [(1, title, "shown", 0, "2") for title in range(1, 201)]
    quiet: list[Row] = [(2_000 + user, 1, "shown", 0, "2") for user in range(10)]
    taking: list[Row] = [(2_000 + user, 1, "watch_finished", 1, None) for user in range(5)]
    told = taken(events(*lone, *quiet, *taking, *shown_by("1", 0.3, 50, 3)), WITHIN)
    apart = gap(told, "2", "1")
    assert apart.high - apart.low > 0.05


def test_of_nothing_shown_there_is_no_gap() -> None:
    told = taken(events((1, 7, "shown", 0, "1")), WITHIN)
    assert np.isnan(gap(told, "2", "1").gap)
