"""A small world with tastes and an order, params small enough for it, and one recommender fitted on it.

Each viewer mostly watches one genre, begins on a day of their own, and goes on to the titles that come next in it.
"""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from marquee.model import recommender
from marquee.model.histories import Histories, histories_of
from marquee.model.recommender import Recommender
from marquee.params import Params, read_params
from marquee.tables import TITLES, WHEN

DAY = 86_400_000
GENRES = ("Crime", "Dramas", "Westerns", "TV Comedies")
OF_GENRE = 40
TITLE_COUNT = len(GENRES) * OF_GENRE
CHANGES = (
    "sources.depth=20",
    "sources.als={factors: 8, iterations: 4, regularization: 1.0, of_title: 0.1, alpha: 3.0}",
    "sources.autoencoder={regularization: 20.0, support: 3, most: 1000, keep: 1000}",
    "sources.sequence={fade: 0.9, regularization: 20.0, support: 3, most: 1000, keep: 1000}",
    "lessons={viewers: 150, hidden: 4, steps: [1, 3], ahead: 1, first: 0, moments: [0.7], later: 1, newcomers: [0, 1], "
    "negatives: 20, rows: 1000000}",
    "ranker.rounds=25",
    "ranker.leaves=7",
    "ranker.leaf_rows=10",
    "ranker.learning_rate=0.1",
    "stars.tastes={factors: 3, directions: 3, expectation: 10.0, iterations: 3, support: 10.0}",
    "stars.likeness={titles: 10, shrinkage: 10.0, rows: 50}",
    "stars.blend.rounds=1",
    "stars.blend.rows=2000",
    "stars.blend.trees=10",
)


def small_params(*changes: str) -> Params:
    return read_params(Path(__file__).parents[2] / "params.yaml", [*CHANGES, *changes])


def table(rows: Any, **columns: Any) -> pl.DataFrame:
    """Interactions of (user_id, title_id, rating or None, day) that were known at once, unless told otherwise."""
    names = {"user_id": pl.Int64, "title_id": pl.Int64, "rating": pl.Float32, "day": pl.Float64}
    return (
        pl.DataFrame(rows, names, orient="row")
        .select(
            "user_id",
            "title_id",
            strength=1 + 0.2 * (pl.col("rating").fill_null(3) - 3),
            rating="rating",
            label=(1 + 0.1 * (pl.col("rating").fill_null(3) - 3)).cast(pl.Float32),
            hides=pl.lit(True),
            at=(pl.col("day") * DAY).cast(pl.Int64).cast(WHEN),
            known_at=(pl.col("day") * DAY).cast(pl.Int64).cast(WHEN),
        )
        .with_columns(**columns)
    )


def interactions(viewers: int, seed: int, days: int = 400, first_id: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    place = np.arange(TITLE_COUNT) % OF_GENRE
    released = np.where(place % 3 > 0, 0, place / OF_GENRE * days)  # a third of the titles comes by and by
    rows = []
    for viewer in range(viewers):
        mine = np.arange(TITLE_COUNT) // OF_GENRE == rng.integers(len(GENRES))
        begins = rng.uniform(0, days)
        chance = np.where(mine, 8.0, 1.0) / (3 + place) * (released <= begins)
        seen = rng.choice(TITLE_COUNT, rng.integers(20, 50), replace=False, p=chance / chance.sum())
        seen = seen[np.argsort(place[seen] + rng.normal(0, 12, len(seen)))]
        stars = np.clip(np.round(np.where(mine[seen], 4.2, 2.5) + rng.normal(0, 0.7, len(seen))), 1, 5)
        day = begins + np.cumsum(rng.exponential(2, len(seen)))
        rows += [(viewer + first_id, int(t) + 1, float(s), float(d)) for t, s, d in zip(seen, stars, day, strict=True)]
    return table(rows)


def catalogue() -> pl.DataFrame:
    number = range(TITLE_COUNT)
    return TITLES.complete(
        pl.DataFrame(
            {
                "title_id": [n + 1 for n in number],
                "name": [f"{GENRES[n // OF_GENRE]} {n % OF_GENRE}" for n in number],
                "year": pl.Series([1960 + n % OF_GENRE for n in number], dtype=pl.Int16),
                "genres": [[GENRES[n // OF_GENRE]] for n in number],
            }
        )
    )


def histories(rows: pl.DataFrame) -> Histories:
    return histories_of(rows, np.arange(1, TITLE_COUNT + 1))


@pytest.fixture(scope="session")
def everything() -> pl.DataFrame:
    return interactions(300, seed=3)


@pytest.fixture(scope="session")
def fitted(everything: pl.DataFrame) -> Recommender:
    return recommender.fit(everything, catalogue(), small_params())
