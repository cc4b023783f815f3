"""Drift: what changed is found and named, what only wobbles raises no alarm."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from marquee.params import DriftParams
from marquee.quality.drift import Drift, Seen, drift, some_of, views
from marquee.tables import EVENTS, RATINGS, WHEN

PARAMS = DriftParams(rows=5_000, least=200, numbers=0.25, kinds=0.15, missing=0.1)
TITLES, VIEWERS = 60, 500
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
# Of odd and of even titles, the more famous lie further out.
FAME = pl.DataFrame(
    {
        "title_id": range(1, TITLES + 1),
        "share": 1 / np.arange(1, TITLES + 1) / 4.7,
        "direction 1": np.where(np.arange(1, TITLES + 1) % 2, 1.0, -1.0) + 1e-9 * np.arange(TITLES),
    }
)


@dataclass(frozen=True)
class World:
    """What decides the days; a change of one of these is a drift."""

    evening: float = 0.6  # share of what is done from 18 to 24 o'clock
    shown: float = 0.4  # share of events that are no deed
    abandoned: float = 0.25  # share of deeds
    stars: float = 3.7
    strangers: float = 0.05
    first_title: int = 1  # of those watched, the most watched one
    content: float = 0.4  # score of a source
    silent: float = 0.2  # share of rows of which that source says nothing
    rank: float = 6.0
    score: float = 0.0  # of the ranker
    opened: float = 0.3  # share of what is shown
    odd: float = 0.5  # share of viewers who watch odd titles alone, the others even ones


def moments(rng: np.random.Generator, rows: int, evening: float) -> pl.Series:
    hour = np.where(rng.random(rows) < evening, rng.uniform(18, 24, rows), rng.uniform(0, 18, rows))
    days = rng.integers(0, 14, rows)
    at = [BEGIN + timedelta(days=int(day), hours=float(of_day)) for day, of_day in zip(days, hour, strict=True)]
    return pl.Series(at, dtype=WHEN)


def ids(rng: np.random.Generator, rows: int, world: World) -> dict[str, Any]:
    known = rng.integers(1, VIEWERS + 1, rows)
    title = np.minimum(rng.zipf(1.6, rows) + world.first_title - 1, TITLES // 2) * 2 - (rng.random(rows) < world.odd)
    return {"user_id": np.where(rng.random(rows) < world.strangers, known + VIEWERS, known), "title_id": title}


def seen(world: World, rows: int, seed: int) -> Seen:
    rng = np.random.default_rng(seed)
    deeds = np.array([1 - world.abandoned, world.abandoned]) * (1 - world.shown)
    kinds = rng.choice(["watch_finished", "abandoned", "shown"], rows, p=[*deeds, world.shown])
    rank = np.clip(rng.poisson(world.rank, rows), 1, 20)
    detail = [
        json.dumps({"rank": int(n), "score": float(s)}) for n, s in zip(rank, rng.normal(0, 1, rows), strict=True)
    ]
    events = EVENTS.complete(
        pl.DataFrame(
            {
                "position": range(1, rows + 1),
                "event_id": [f"e{n}" for n in range(rows)],
                **ids(rng, rows, world),
                "kind": kinds,
                "happened_at": (at := moments(rng, rows, world.evening)),
                "recorded_at": at,
                "source": ["page"] * rows,
                "detail": [told if kind == "shown" else None for told, kind in zip(detail, kinds, strict=True)],
            }
        )
    )
    stars = np.clip(np.round(rng.normal(world.stars, 1, rows)), 1, 5).astype(np.float32)
    ratings = pl.DataFrame({**ids(rng, rows, world), "rating": stars, "rated_at": moments(rng, rows, world.evening)})
    content = np.where(rng.random(rows) < world.silent, np.nan, rng.normal(world.content, 0.2, rows))
    table = pl.DataFrame({"content_score": content, "score": rng.normal(world.score, 1, rows)})
    labels = pl.DataFrame({"opened": np.where(rng.random(rows) < world.opened, "yes", "no")})
    return Seen(events, ratings.sort(RATINGS.sorted_by), table, labels, pl.Series(range(1, VIEWERS + 1)))


USUAL = World()
THEN = views(seen(USUAL, 4_000, seed=1), FAME)


def found(world: World, rows: int = 1_500, seed: int = 2) -> Drift:
    return drift(THEN, views(seen(world, rows, seed), FAME), PARAMS, seed=3)


@pytest.mark.parametrize(
    ("change", "drifted"),
    [
        ({"evening": 0.1}, {"events: part_of_day", "ratings: part_of_day"}),
        ({"abandoned": 0.6}, {"events: kind"}),
        ({"shown": 0.7}, set()),
        ({"stars": 2.7}, {"ratings: rating"}),
        ({"strangers": 0.5}, {"events: viewer", "ratings: viewer"}),
        ({"first_title": 10}, {"events: title_share", "ratings: title_share", "shown: title_share"}),
        ({"content": 0.7}, {"rows: content_score"}),
        ({"silent": 0.9}, {"rows: content_score"}),
        ({"rank": 9.0}, {"shown: rank"}),
        ({"score": 1.0}, {"rows: score"}),
        ({"opened": 0.8}, {"labels: opened"}),
        ({"odd": 0.9}, {"embedding: direction 1"}),
    ],
)
def test_what_changed_is_found_and_nothing_else_is_named(change: Mapping[str, Any], drifted: set[str]) -> None:
    assert set(found(replace(USUAL, **change)).drifted) == drifted


@pytest.mark.parametrize("replay", range(10))
def test_days_like_any_other_raise_no_alarm(replay: int) -> None:
    assert found(USUAL, seed=100 + replay).drifted == ()


def test_the_summary_has_the_numbers_of_every_column_the_drifted_first() -> None:
    told = found(replace(USUAL, stars=2.7)).summary
    assert told["drifted"] == 1
    name, rating = next(iter(told["columns"].items()))
    assert (name, rating["method"], rating["then"], rating["now"]) == ("ratings: rating", "wasserstein", 4_000, 1_500)
    assert rating["distance"] > rating["limit"] == PARAMS.numbers
    assert set(told["columns"]) == {f"{view}: {column}" for view, frame in THEN.items() for column in frame.columns}
    assert json.loads(json.dumps(told)) == told


def test_the_page_asks_the_network_for_nothing() -> None:
    page = found(USUAL).page
    assert "ratings: rating" in page
    assert not re.findall(r"<(?:script|img|iframe)[^>]* src=|<link[^>]* href=", page)


def test_of_a_few_rows_nothing_is_said() -> None:
    few = found(replace(USUAL, stars=1.0, silent=1.0), rows=100)
    assert few.drifted == ()
    assert {column.distance for column in few.columns} == {None}


def test_an_empty_table_is_not_compared() -> None:
    usual = seen(USUAL, 1_500, seed=2)
    quiet = replace(usual, events=usual.events.clear(), ratings=usual.ratings.clear())
    told = drift(THEN, views(quiet, FAME), PARAMS, seed=3)
    assert told.drifted == ()
    assert {column.name for column in told.columns if column.distance is not None} == {
        "rows: content_score",
        "rows: score",
        "labels: opened",
    }


def test_titles_that_nobody_had_watched_are_not_known() -> None:
    fame = FAME.filter(pl.col("title_id") > 6)
    then, now = (views(seen(replace(USUAL, first_title=first), 1_500, seed=4), fame) for first in (10, 1))
    shares = [column for column in drift(then, now, PARAMS, seed=3).columns if "title_share" in column.name]
    assert all(column.missing > 0.5 and column.drifted for column in shares)


def test_what_is_no_number_in_a_detail_is_not_known() -> None:
    told = seen(USUAL, 8, seed=4)
    details = [
        '{"rank": "first", "score": "nan"}',
        '{"rank": "2.0", "score": "-inf"}',
        '{"rank": 3}',
        "{",
        "",
        "x",
        "7",
    ]
    events = told.events.with_columns(kind=pl.lit("shown"), detail=pl.Series([*details, None]))
    shown = views(replace(told, events=events), FAME)["shown"]
    assert shown["rank"].to_list() == [None, 2, 3, *[None] * 5]
    assert shown["score"].null_count() == 8


def test_large_tables_are_compared_by_as_many_rows_as_params_say() -> None:
    told = drift(THEN, THEN, PARAMS.model_copy(update={"rows": 300}), seed=3)
    assert max(column.then for column in told.columns) == 300
    assert some_of(pl.LazyFrame({"n": range(1_000)}), 300)["n"].to_list() == list(range(0, 1_000, 4))
    assert some_of(pl.LazyFrame({"n": range(5)}), 300).height == 5
