"""However few ratings there are, there is a model of them, and it answers."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from marquee.model import recommender
from marquee.model.asked import histories_for, lists, predicted
from marquee.model.recommender import Recommender
from tests.model.conftest import small_params, table

STRANGER = 99
Row = tuple[int, int, float, int]


def drawn(seed: int) -> list[Row]:
    """At most twelve ratings by four viewers, of four titles."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(16)[: rng.integers(1, 13)]
    return [(int(pair // 4), int(pair % 4), rng.integers(1, 11) / 2, int(rng.integers(5))) for pair in pairs]


def fitted(rows: Sequence[Row]) -> Recommender:
    return recommender.fit(table(sorted(rows, key=lambda row: (row[0], row[3]))), None, small_params("ranker.rounds=2"))


@pytest.mark.parametrize(
    "rows",
    [
        [(1, 2, 3.0, 4)],
        [(1, 2, 3.0, 4), (1, 3, 3.0, 4)],
        [(1, 2, 3.0, 4), (1, 3, 3.0, 5)],
        *([(viewer, 2, 3.0, 4) for viewer in range(many)] for many in (2, 3, 5)),
        *map(drawn, range(24)),
    ],
)
def test_a_tiny_world_gives_a_model_that_answers_everybody_with_all_there_is(rows: list[Row]) -> None:
    whole, titles = fitted(rows), {row[1] for row in rows}
    viewers = np.unique([*(row[0] for row in rows), STRANGER])
    asked, _ = histories_for(whole.histories, viewers)
    made = lists(whole, asked, 10)
    rated = {(row[0], row[1]) for row in rows}
    every = {(viewer, title) for viewer in viewers.tolist() for title in titles}
    assert set(made.select("user_id", "title_id").iter_rows()) == every - rated
    assert made.select(pl.col("score").is_finite().all()).item()
    assert made.select(pl.col("score").diff().over("user_id").drop_nulls().le(0).all()).item()
    pairs = pl.DataFrame(sorted(every), {"user_id": pl.Int64, "title_id": pl.Int64}, orient="row")
    stars = predicted(whole.stars, whole.histories, whole.titles, pairs, np.full(pairs.height, -1))
    assert stars["rating"].is_between(0.5, 5).all()
