"""What every stage leaves behind: tables, texts, and metrics with the time and memory that the stage took."""

import json
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl


@dataclass(frozen=True)
class Cost:
    """Of the work since it was made."""

    start: float = field(default_factory=time.perf_counter)

    def metrics(self) -> Mapping[str, object]:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes
        return {"seconds": round(time.perf_counter() - self.start, 2), "peak_mb": peak // 1024}


def save_frame(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)


def save_csv(frame: pl.DataFrame, path: Path) -> None:
    """For `dvc plots`, and for whoever reads the whole evaluation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_csv(path, float_precision=6)


def save_text(text: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def save_metrics(metrics: Mapping[str, object], cost: Cost, path: Path) -> Mapping[str, object]:
    told = {**metrics, **cost.metrics()}
    save_text(json.dumps(told, indent=2) + "\n", path)
    return told


def metrics_of(into: Path) -> Mapping[str, Mapping[str, object]]:
    """What the stages counted when they ran last, by stage."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((into / "metrics").glob("*.json"))}
