"""Claims about tables that are made on the cluster."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from marquee.data.demo_world import write_demo_world
from marquee.data.events.snapshot import FORGOTTEN
from marquee.params import Params
from marquee.spark.viewers import whole_viewers
from marquee.stages import tables
from marquee.tables import EVENTS, INTERACTIONS, KINDS_OF_EVENT, WHEN
from tests.model.conftest import small_params

DAY = 86_400_000
WORLD = small_params("demo_world.viewers=60", "demo_world.titles=80", "demo_world.ratings=1500").demo_world
FAULTS = "1:\n900001,9,2005-01-01\nnonsense\n2:\n900002,3,2005-01-02\n900002,4,2005-01-02\n900002,5,2005-01-01\n"
BEGINNING = 1_100_000_000_000


def events(ids: pl.Series, count: int) -> pl.DataFrame:
    """Of viewers with ratings and without, of many kinds, several of a pair and several at once."""
    rng = np.random.default_rng(5)
    kinds, at = rng.choice(KINDS_OF_EVENT, count), BEGINNING + rng.integers(0, 500, count) * DAY
    told = {
        "position": np.arange(1, count + 1),
        "event_id": [f"e{number}" for number in range(count)],
        "user_id": rng.choice([*ids.to_list()[::2], 5_000_000, 5_000_001], count),
        "title_id": rng.integers(1, 30, count),
        "kind": kinds.tolist(),
        "value": [float(rng.integers(1, 6)) if kind == "rated" else None for kind in kinds],
        "happened_at": at,
        "recorded_at": at,
        "source": "tests",
        "detail": None,
    }
    frame = pl.DataFrame(told, {**EVENTS.columns, "happened_at": pl.Int64, "recorded_at": pl.Int64})
    return frame.cast({"happened_at": WHEN, "recorded_at": WHEN})


@pytest.fixture(scope="module")
def made(params: Params, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folders of the same tables: made here, and on the cluster."""
    folder = tmp_path_factory.mktemp("tables")
    write_demo_world(folder / "demo", WORLD)
    with (folder / "demo" / "combined_data_1.txt").open("a") as lines:
        lines.write(FAULTS)
    own = {"path": str(folder / "demo"), "rejects_share": 1.0}
    changes = {"source": params.source.model_copy(update=own), "spark": params.spark.model_copy(update={"rows": 400})}
    changes["catalogue"] = params.catalogue.model_copy(update={"metadata": str(folder / "demo")})
    snapshot = folder / "snapshot"
    snapshot.mkdir()
    for engine in ("here", "spark"):
        of, into = params.model_copy(update={**changes, "engine": engine}), folder / engine
        tables.titles(of, into)
        tables.ratings(of, into, datetime(2030, 1, 1, tzinfo=UTC))
        if engine == "here":
            ids = pl.read_parquet(into / "tables" / "ratings.parquet")["user_id"].unique().sort()
            for number, part in enumerate(events(ids, 1_500).iter_slices(500)):
                part.write_parquet(snapshot / f"{number}.parquet")
            pl.DataFrame({"user_id": [ids[0], ids[1]], "until": [2**62, 0]}).write_csv(snapshot / FORGOTTEN)
        tables.interactions(of, snapshot, into)
    return folder / "here", folder / "spark"


@pytest.mark.parametrize("name", ["ratings", "interactions", "before_events"])
def test_a_table_is_that_of_one_machine_row_by_row(made: tuple[Path, Path], name: str) -> None:
    here, there = (pl.read_parquet(folder / "tables" / f"{name}.parquet") for folder in made)
    assert here.height
    assert_frame_equal(there, here.cast({"user_id": pl.Int64, "title_id": pl.Int64}))


def test_a_table_is_a_folder_of_several_parts_and_nothing_else(made: tuple[Path, Path]) -> None:
    parts = sorted((made[1] / "tables" / "interactions.parquet").iterdir())
    assert len(parts) > 2
    assert {part.suffix for part in parts} == {".parquet"}
    INTERACTIONS.check(pl.read_parquet(made[1] / "tables" / "interactions.parquet"))


def test_what_is_set_aside_and_counted_is_the_same(made: tuple[Path, Path]) -> None:
    here, there = (sorted((folder / "rejects" / "ratings.csv").read_text().splitlines()) for folder in made)
    assert len(here) > 4
    assert there == here
    for name in ("ratings", "interactions"):
        told = [json.loads((folder / "metrics" / f"{name}.json").read_text()) for folder in made]
        counted, on_cluster = ({key: of[key] for key in of if key not in {"seconds", "peak_mb"}} for of in told)
        assert on_cluster == counted


def test_a_viewer_is_never_in_two_frames_however_many_rows_they_have() -> None:
    users = np.repeat(np.arange(10), [3, 5, 4_000, 1, 1, 7, 2, 2, 900, 1])
    rows = pl.DataFrame({"user_id": users, "row": np.arange(len(users))})
    told = list(whole_viewers(rows.iter_slices(100), 10))
    assert_frame_equal(pl.concat(told), rows)
    assert sum(frame["user_id"].n_unique() for frame in told) == 10
    assert max(frame.height for frame in told) < 4_000 + 100 + 10
