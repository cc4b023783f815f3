"""DVC's stages: load, call, save. What depends on what stands in dvc.yaml, what happens stands in data/.

A new stage is one function here, one command in cli.py and one entry in dvc.yaml.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from marquee.data.catalogue import catalogue
from marquee.data.ratings import write_ratings
from marquee.data.readers import READERS
from marquee.data.rejects import Rejects
from marquee.errors import SourceError
from marquee.params import Params
from marquee.tables import TITLES


def titles(params: Params, into: Path) -> Mapping[str, object]:
    """The titles table of a source, its match report and its metrics."""
    source = Path(params.source.path)
    with Rejects(into / "rejects" / "titles.csv") as rejects:
        bare = READERS[params.source.format].titles(source, rejects)
        joined = catalogue(bare, Path(params.catalogue.metadata), params.catalogue, rejects)
        rejects.check_share("titles", bare.height + rejects.total, params.source.rejects_share)
    _save_frame(TITLES.check(joined.titles), into / "tables" / "titles.parquet")
    _save_text(joined.markdown(), into / "reports" / "matches.md")
    return _save_metrics({**joined.metrics(), "rejected": dict(rejects.counts)}, into / "metrics" / "titles.json")


def ratings(params: Params, into: Path, now: datetime) -> Mapping[str, object]:
    """The ratings table of a source, and its metrics."""
    known = read_titles(into).select("title_id")
    out = into / "tables" / "ratings.parquet"
    with Rejects(into / "rejects" / "ratings.csv") as rejects:
        chunks = READERS[params.source.format].ratings(Path(params.source.path), rejects)
        summary = write_ratings(chunks, known, out, rejects, now)
        rejects.check_share("ratings", summary.lines, params.source.rejects_share)
    return _save_metrics(summary.metrics(), into / "metrics" / "ratings.json")


def read_titles(into: Path) -> pl.DataFrame:
    """The titles table that an earlier run of the stage left."""
    path = into / "tables" / "titles.parquet"
    if not path.exists():
        raise SourceError(f"{path}: no titles yet; run `marquee titles` or `make repro` first")
    return pl.read_parquet(path)


def _save_frame(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)


def _save_text(text: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _save_metrics(metrics: Mapping[str, object], path: Path) -> Mapping[str, object]:
    _save_text(json.dumps(metrics, indent=2, sort_keys=True) + "\n", path)
    return metrics
