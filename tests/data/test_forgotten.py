"""Who asked to be forgotten is so in the next training: no event of theirs is learnt from, and no older rating."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from marquee.data.events import EventStore
from marquee.params import read_params
from marquee.stages import tables
from marquee.tables import WHEN

PARAMS = read_params(Path(__file__).parents[2] / "params.yaml")
ASKED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_ratings_of_a_forgotten_viewer_are_not_learnt_from_but_those_given_later_are(tmp_path: Path) -> None:
    days = {(1, 5): -1, (2, 5): -1, (2, 6): 1}  # of each viewer and title, from the day on which viewer 2 asked
    rows = [(user, title, 4.0, ASKED + timedelta(days=day)) for (user, title), day in days.items()]
    whole = pl.Schema({"user_id": pl.UInt32(), "title_id": pl.UInt16(), "rating": pl.Float32(), "rated_at": WHEN})
    ratings = pl.DataFrame(rows, ["user_id", "title_id", "rating", "rated_at"], orient="row").cast(whole)
    (tmp_path / "tables").mkdir()
    ratings.write_parquet(tmp_path / "tables" / "ratings.parquet")
    with EventStore(f"sqlite:///{tmp_path}/events.db", PARAMS.events, None) as store:
        store.forget(2, ASKED)
        store.snapshot(tmp_path / "snapshot", 0)
    tables.interactions(PARAMS, tmp_path / "snapshot", tmp_path)
    learnt = pl.read_parquet(tmp_path / "tables" / "interactions.parquet")
    assert learnt.select("user_id", "title_id").rows() == [(1, 5), (2, 6)]
