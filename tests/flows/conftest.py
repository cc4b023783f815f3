"""A tiny project that flows run in: viewers of six tastes, so that whoever learns them beats popularity by far."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
TASTES, TITLES_OF_TASTE, VIEWERS = 6, 10, 300
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
QUICK = {
    "source": {"format": "own", "path": "mine"},
    "catalogue": {"metadata": "mine"},
    "demo_world": {"viewers": 10, "titles": 20, "ratings": 100},
    "ranker": {"rounds": 10},
    "evaluate": {"draws": 200},
    "gate": {"viewers": 50, "leap": 10.0, "p99_ms": 10_000.0, "novelty_change": 1.0},
    "watch_api": {"pause_s": 0.2, "attempts": 1},
    "loop": {"shown": 50},
}


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


def change(project: Path, **sections: dict[str, object]) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text("utf-8"))
    for section, numbers in sections.items():
        params[section].update(numbers)
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), "utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working folder while a module's tests run; nothing is made in it yet."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("params.yaml", "dvc.yaml", ".dvcignore", ".gitignore", "data/snapshot/.gitignore"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in ("src", "flows"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    change(folder, **QUICK)  # type: ignore[arg-type]
    tell(folder, watched(1, BEGIN, seed=1))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PATH", path)
        for quiet in ("DVC_NO_ANALYTICS", "DO_NOT_TRACK"):
            patch.setenv(quiet, "1")
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
            subprocess.run(command, check=True)
        yield folder
