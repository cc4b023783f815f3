"""A tiny project that flows run in: viewers of six tastes, so that whoever learns them beats popularity by far."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.tiny import lay_out

TASTES, TITLES_OF_TASTE, VIEWERS = 6, 10, 300
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
QUICK = (
    "source.format=own",
    "source.path=mine",
    "catalogue.metadata=mine",
    "demo_world.viewers=10",
    "demo_world.titles=20",
    "demo_world.ratings=100",
    "ranker.rounds=40",
    "ranker.leaves=4",
    "ranker.feature_share=1.0",
    "evaluate.draws=200",
    "gate.viewers=50",
    "gate.leap=10.0",
    "gate.p99_ms=10000.0",
    "gate.novelty_change=1.0",
    "watch_api.pause_s=0.2",
    "watch_api.attempts=1",
    "loop.shown=50",
)


def watched(first_title: int, begin: datetime, seed: int) -> pl.DataFrame:
    """Everybody watches most titles of their taste, in an order of their own."""
    rng, rows = np.random.default_rng(seed), []
    for viewer in range(VIEWERS):
        titles = first_title + viewer % TASTES * TITLES_OF_TASTE + rng.permutation(TITLES_OF_TASTE)[:7]
        days = np.sort(rng.uniform(0, 300, len(titles)))
        for title, day in zip(titles, days, strict=True):
            rows.append((viewer + 1, int(title), 4, begin + timedelta(days=float(day))))
    names = ["user_id", "title_id", "rating", "rated_at"]
    return pl.DataFrame(rows, names, orient="row").with_columns(pl.col("rated_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))


def tell(project: Path, *tables: pl.DataFrame) -> None:
    """These are all ratings there are."""
    (project / "mine").mkdir(exist_ok=True)
    pl.concat(tables).write_csv(project / "mine/ratings.csv")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working folder while a module's tests run; nothing is made in it yet."""
    folder = tmp_path_factory.mktemp("project")
    lay_out(folder, *QUICK)
    tell(folder, watched(1, BEGIN, seed=1))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PATH", path)
        for quiet in ("DVC_NO_ANALYTICS", "DO_NOT_TRACK"):
            patch.setenv(quiet, "1")
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        yield folder
