"""Claims about lists in bulk."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from marquee.cli import main
from marquee.model.asked import lists
from marquee.model.recommender import Recommender
from marquee.params import Params
from marquee.spark.lists import shares_of, write_lists


def test_lists_of_everybody_are_those_of_one_machine_in_parts(
    params: Params, model: Path, fitted: Recommender, tmp_path: Path
) -> None:
    write_lists(model, 10, params.spark.model_copy(update={"rows": 20_000}), tmp_path / "lists")
    parts = sorted((tmp_path / "lists").iterdir())
    assert len(parts) > 2
    assert {part.suffix for part in parts} == {".parquet"}
    here = lists(fitted, fitted.histories, 10)
    assert_frame_equal(pl.read_parquet(tmp_path / "lists"), here.cast({"rank": pl.Int64}), abs_tol=1e-6)


def test_shares_hold_everybody_once_and_nobody_waits_for_a_long_history() -> None:
    counts = np.full(1_000, 20)
    counts[500] = 1_000_000
    starts = shares_of(counts, 30_000)
    assert starts[0] == 0
    assert starts[-1] == len(counts)
    assert np.all(np.diff(starts) > 0)
    work = np.add.reduceat(counts + 256, starts[:-1])
    (longest,) = np.flatnonzero((starts[:-1] <= 500) & (starts[1:] > 500))
    assert np.delete(work, longest).max() <= 30_000 + 276
    assert work[longest] <= 1_000_000 + 30_000 + 276


def test_the_command_writes_them_where_engine_is_spark(
    params: Params, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["-S", "engine=spark", "-S", f"spark.master={params.spark.master}"]
    asked = ["recommend", "--model", str(model), "--users", "all", "--k", "3", "--out", str(tmp_path / "lists")]
    monkeypatch.setattr(sys, "argv", ["marquee", *options, *asked])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    told = pl.read_parquet(tmp_path / "lists")
    assert (tmp_path / "lists").is_dir()
    assert told.columns == ["user_id", "title_id", "rank", "score"]
    assert told["rank"].value_counts().sort("rank")["count"].to_list() == [300, 300, 300]
