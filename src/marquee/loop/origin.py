"""Origin: where a model came from, as tags of its version: enough to fetch the same data and make the same model."""

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

UNKNOWN = "unknown"


def origin(root: Path, position: int) -> Mapping[str, str]:
    """Of what the pipeline in that folder made last; `position` is how far the event store was read."""
    lock = root / "dvc.lock"
    return {
        "git revision": _git(root, "rev-parse", "HEAD"),
        "git changes": "yes" if _git(root, "status", "--porcelain", "--", "src", "dvc.yaml", "params.yaml") else "no",
        "dvc.lock": hashlib.sha256(lock.read_bytes()).hexdigest(),
        "event position": str(position),
        **{f"data {path}": digest for path, digest in _made(lock).items()},
    }


def _made(lock: Path) -> Mapping[str, str]:
    """The digest of every table that models are made of."""
    stages = yaml.safe_load(lock.read_text("utf-8"))["stages"].values()
    outs = {out["path"]: str(out.get("md5", UNKNOWN)) for stage in stages for out in stage.get("outs", ())}
    return {path: digest for path, digest in sorted(outs.items()) if path.startswith("data/tables/")}


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)  # noqa: S603, S607
    return done.stdout.strip() if done.returncode == 0 else UNKNOWN
