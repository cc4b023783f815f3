"""A tiny project: everything that `dvc repro` and the flows need, with a recipe that is made in seconds."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from marquee.params import read_params
from tests.model.conftest import CHANGES

ROOT = Path(__file__).parent.parent


def lay_out(folder: Path, *changes: str, recipe: Sequence[str] = CHANGES) -> None:
    """As a clone: committed, nothing made yet."""
    for name in ("params.yaml", "dvc.yaml", ".dvcignore", ".gitignore", "data/snapshot/.gitignore"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in ("bentofile.yaml", "requirements.serving.lock"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("src", "flows"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    change(folder, *recipe, *changes)
    who = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    for command in (
        ["git", "init", "-q"],
        ["dvc", "init", "-q"],
        ["git", "add", "--all"],
        ["git", *who, "commit", "-q", "-m", "tiny"],
    ):
        subprocess.run(command, cwd=folder, check=True)


def change(folder: Path, *changes: str) -> None:
    """Of its params.yaml, as on the command line: ranker.rounds=11."""
    params = read_params(folder / "params.yaml", changes)
    (folder / "params.yaml").write_text(yaml.safe_dump(params.model_dump(mode="json"), sort_keys=False), "utf-8")
