"""Who asked to be forgotten is so in the next training: no event of theirs is learnt from, and no older rating."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from marquee.data.events import EventStore
from marquee.params import read_params
from marquee.stages import tables
from marquee.tables import WHEN

PARAMS = read_params(Path(__file__).parents[2] / "params.yaml")
ASKED = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHOLE = pl.Schema({"user_id": pl.UInt32(), "title_id": pl.UInt16(), "rating": pl.Float32(), "rated_at": WHEN})


def test_ratings_of_a_forgotten_viewer_are_not_learnt_from_but_those_given_later_are(tmp_path: Path) -> None:
    days = {(1, 5): -1, (2, 5): -1, (2, 6): 1}  # of each viewer and title, from the day on which viewer 2 asked
    rows = [(user, title, 4.0, ASKED + timedelta(days=day)) for (user, title), day in days.items()]
    ratings = pl.DataFrame(rows, ["user_id", "title_id", "rating", "rated_at"], orient="row").cast(WHOLE)
    (tmp_path / "tables").mkdir()
    ratings.write_parquet(tmp_path / "tables" / "ratings.parquet")
    with EventStore(f"sqlite:///{tmp_path}/events.db", PARAMS.events, None) as store:
        store.forget(2, ASKED)
        store.snapshot(tmp_path / "snapshot", 0)
    tables.interactions(PARAMS, tmp_path / "snapshot", tmp_path)
    learnt = pl.read_parquet(tmp_path / "tables" / "interactions.parquet")
    assert learnt.select("user_id", "title_id").rows() == [(1, 5), (2, 6)]


def test_interactions_take_the_place_of_the_parts_that_a_cluster_made_whole_or_not_at_all(tmp_path: Path) -> None:
    made = tmp_path / "tables"
    for name in ("interactions.parquet", "before_events.parquet"):
        (made / name).mkdir(parents=True)
        (made / name / "part-00000.parquet").write_text("")
    ratings = pl.DataFrame({"user_id": [1], "title_id": [5], "rating": [4.0], "rated_at": [ASKED]})
    ratings.cast(WHOLE).write_parquet(made / "ratings.parquet")
    assert tables.interactions(PARAMS, tmp_path / "none", tmp_path)["interactions"] == 1
    before = (made / "interactions.parquet").read_bytes()
    told = (made / "ratings.parquet").read_bytes()
    (made / "ratings.parquet").write_bytes(told[:4] + b"\0" * 16 + told[20:])  # what is found when it is read
    with pytest.raises(pl.exceptions.PolarsError):
        tables.interactions(PARAMS, tmp_path / "none", tmp_path)
    assert (made / "interactions.parquet").read_bytes() == before
    assert {path.name for path in made.iterdir()} == {
        "ratings.parquet",
        "interactions.parquet",
        "before_events.parquet",
    }
