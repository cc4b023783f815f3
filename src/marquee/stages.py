"""DVC's stages: load, call, save. What depends on what stands in dvc.yaml, what happens stands in data/.

A new stage is one function here, one command in cli.py and one entry in dvc.yaml.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import polars as pl

from marquee.data import netflix_prize
from marquee.data.catalogue import catalogue
from marquee.data.ratings import RatingsSummary, write_ratings
from marquee.data.readers import READERS
from marquee.data.rejects import Rejects
from marquee.errors import SourceError, TooManyRejects
from marquee.params import Params
from marquee.tables import TITLES


class Pairs(StrEnum):
    probe = "probe"
    qualifying = "qualifying"


PAIRS: Mapping[Pairs, Callable[[Path, Rejects], pl.DataFrame]] = {
    Pairs.probe: netflix_prize.probe,
    Pairs.qualifying: netflix_prize.qualifying,
}


def titles(params: Params, into: Path) -> Mapping[str, object]:
    """The titles table of a source, its match report and its metrics."""
    source = Path(params.source.path)
    with Rejects(into / "rejects" / "titles.csv") as rejects:
        bare = READERS[params.source.format].titles(source, rejects)
        rejects.check_share("titles", bare.height + rejects.total, params.source.rejects_share)
    with Rejects(into / "rejects" / "metadata.csv") as aside:
        joined = catalogue(bare, Path(params.catalogue.metadata), params.catalogue, aside)
        aside.check_share("metadata", joined.rows + aside.total, params.source.rejects_share)
    _save_frame(TITLES.check(joined.titles), into / "tables" / "titles.parquet")
    _save_text(joined.markdown(), into / "reports" / "matches.md")
    return _save_metrics(
        {**joined.metrics(), "rejected": dict(rejects.counts + aside.counts)}, into / "metrics" / "titles.json"
    )


def ratings(params: Params, into: Path, now: datetime) -> Mapping[str, object]:
    """The ratings table of a source, and its metrics."""
    known = read_titles(into).select("title_id")
    out = into / "tables" / "ratings.parquet"
    with Rejects(into / "rejects" / "ratings.csv") as rejects:
        chunks = READERS[params.source.format].ratings(Path(params.source.path), rejects)
        summary = write_ratings(chunks, known, out, rejects, now)
        try:
            rejects.check_share("ratings", summary.lines, params.source.rejects_share)
        except TooManyRejects:
            out.unlink()
            raise
    return _save_metrics(_in_words(summary), into / "metrics" / "ratings.json")


def pairs(params: Params, which: Pairs, into: Path) -> Mapping[str, object]:
    """The Netflix Prize's probe or qualifying pairs as a table beside the ratings."""
    with Rejects(into / "rejects" / f"{which}.csv") as rejects:
        frame = PAIRS[which](Path(params.source.path), rejects)
        rejects.check_share(which, frame.height + rejects.total, params.source.rejects_share)
    out = into / "tables" / f"{which}.parquet"
    _save_frame(frame, out)
    return {"pairs": frame.height, "rejected": dict(rejects.counts), "table": str(out)}


def read_titles(into: Path) -> pl.DataFrame:
    """The titles table that an earlier run of the stage left."""
    path = into / "tables" / "titles.parquet"
    if not path.exists():
        raise SourceError(f"{path}: no titles yet; run `marquee titles` or `make repro` first")
    return pl.read_parquet(path)


def known_titles(into: Path) -> frozenset[int] | None:
    """The ids that an event may name; None before there are titles, when any may."""
    path = into / "tables" / "titles.parquet"
    return frozenset(pl.read_parquet(path, columns=["title_id"])["title_id"]) if path.exists() else None


def metrics_of(into: Path) -> Mapping[str, Mapping[str, object]]:
    """What the stages counted when they ran last, by stage."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((into / "metrics").glob("*.json"))}


def _in_words(summary: RatingsSummary) -> Mapping[str, object]:
    days = {name: at and f"{at:%Y-%m-%d}" for name, at in (("first", summary.first), ("last", summary.last))}
    return {**asdict(summary), **days}


def _save_frame(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)


def _save_text(text: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _save_metrics(metrics: Mapping[str, object], path: Path) -> Mapping[str, object]:
    _save_text(json.dumps(metrics, indent=2) + "\n", path)
    return metrics
