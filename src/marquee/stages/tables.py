"""The stages that make tables: titles, ratings, and interactions of ratings and events."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path

import polars as pl

from marquee.data import netflix_prize
from marquee.data.catalogue import catalogue
from marquee.data.events.snapshot import FORGOTTEN
from marquee.data.ratings import ROWS, RatingsSummary, beside, write_ratings
from marquee.data.readers import READERS
from marquee.data.rejects import Rejects
from marquee.errors import SourceError, TooManyRejects
from marquee.model.interactions import before_events
from marquee.model.interactions import interactions as combine
from marquee.params import Params
from marquee.stages.saving import Cost, save_frame, save_metrics, save_text
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
    cost, source = Cost(), Path(params.source.path)
    with Rejects(into / "rejects" / "titles.csv") as rejects:
        bare = READERS[params.source.format].titles(source, rejects)
        rejects.check_share("titles", bare.height + rejects.total, params.source.rejects_share)
    with Rejects(into / "rejects" / "metadata.csv") as aside:
        joined = catalogue(bare, Path(params.catalogue.metadata), params.catalogue, aside)
        aside.check_share("metadata", joined.rows + aside.total, params.source.rejects_share)
    save_frame(TITLES.check(joined.titles), into / "tables" / "titles.parquet")
    save_text(joined.markdown(), into / "reports" / "matches.md")
    metrics = {**joined.metrics(), "rejected": dict(rejects.counts + aside.counts)}
    return save_metrics(metrics, cost, into / "metrics" / "titles.json")


def ratings(params: Params, into: Path, now: datetime) -> Mapping[str, object]:
    """The ratings table of a source, and its metrics."""
    cost, known = Cost(), read_titles(into).select("title_id")
    out = into / "tables" / "ratings.parquet"
    with Rejects(into / "rejects" / "ratings.csv") as rejects:
        chunks = READERS[params.source.format].ratings(Path(params.source.path), rejects)
        summary = _write_ratings(params)(chunks, known, out, rejects, now)
        try:
            rejects.check_share("ratings", summary.lines, params.source.rejects_share)
        except TooManyRejects:
            out.unlink() if out.is_file() else shutil.rmtree(out)
            raise
    return save_metrics(_in_words(summary), cost, into / "metrics" / "ratings.json")


def _write_ratings(params: Params) -> Callable[..., RatingsSummary]:
    if params.engine == "here":
        return write_ratings
    from marquee.spark.tables import write_ratings as write_on_cluster  # noqa: PLC0415 - a dependency group of its own

    return partial(write_on_cluster, params.spark)


def interactions(params: Params, snapshot: Path, into: Path) -> Mapping[str, object]:
    """The interactions table, of the ratings and of a snapshot of the event store if there is one."""
    cost, ratings = Cost(), into / "tables" / "ratings.parquet"
    if not ratings.exists():
        raise SourceError(f"{ratings}: no ratings yet; run `marquee ratings` or `make repro` first")
    make = _interactions_on_cluster if params.engine == "spark" else _interactions_here
    make(params, ratings, snapshot, into / "tables")
    told = pl.scan_parquet(into / "tables" / "interactions.parquet")
    counted = {"interactions": pl.len(), "hidden": pl.col("hides").sum(), "rated": pl.col("rating").count()}
    counts = told.select(**counted).collect().row(0, named=True)
    return save_metrics(counts, cost, into / "metrics" / "interactions.json")


def _interactions_here(params: Params, ratings: Path, snapshot: Path, into: Path) -> None:
    partitions = sorted(snapshot.glob("*.parquet"))
    events = pl.scan_parquet(partitions) if partitions else None
    rated = _remembered(pl.scan_parquet(ratings), snapshot / FORGOTTEN)
    with beside(into / "interactions.parquet") as unfinished:
        combine(rated, events, params.signals, params.star).sink_parquet(unfinished, row_group_size=ROWS)
    before = before_events(rated, events, params.signals, params.star).collect()
    with beside(into / "before_events.parquet") as unfinished:
        before.write_parquet(unfinished)


def _interactions_on_cluster(params: Params, ratings: Path, snapshot: Path, into: Path) -> None:
    from marquee.spark.tables import write_interactions  # noqa: PLC0415 - a dependency group of its own

    remembered = partial(_remembered, forgotten=(snapshot / FORGOTTEN).resolve())
    write_interactions(ratings, snapshot, remembered, params, into)


def _remembered(ratings: pl.LazyFrame, forgotten: Path) -> pl.LazyFrame:
    """Without what viewers asked to be forgotten; of a snapshot that is not there, everything."""
    if not forgotten.exists():
        return ratings
    asked = pl.scan_csv(forgotten, schema={"user_id": pl.Int64(), "until": pl.Int64()})
    here = asked.select(pl.col("user_id").cast(ratings.collect_schema()["user_id"], strict=False), "until").drop_nulls()
    known = ratings.join(here, on="user_id", how="left", maintain_order="left")
    return known.filter(pl.col("rated_at").dt.epoch("ms") > pl.col("until").fill_null(-1)).drop("until")


def pairs(params: Params, which: Pairs, into: Path) -> Mapping[str, object]:
    """The Netflix Prize's probe or qualifying pairs as a table beside the ratings."""
    with Rejects(into / "rejects" / f"{which}.csv") as rejects:
        frame = PAIRS[which](Path(params.source.path), rejects)
        rejects.check_share(which, frame.height + rejects.total, params.source.rejects_share)
    out = into / "tables" / f"{which}.parquet"
    save_frame(frame, out)
    return {"pairs": frame.height, "rejected": dict(rejects.counts), "table": str(out)}


def probe(params: Params, into: Path) -> pl.DataFrame | None:
    """The pairs on which everybody measures predicted stars, if the source is the Netflix Prize and has them."""
    if READERS[params.source.format] is not netflix_prize or not netflix_prize.has_probe(Path(params.source.path)):
        return None
    pairs(params, Pairs.probe, into)
    return pl.read_parquet(into / "tables" / "probe.parquet")


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


def _in_words(summary: RatingsSummary) -> Mapping[str, object]:
    days = {name: at and f"{at:%Y-%m-%d}" for name, at in (("first", summary.first), ("last", summary.last))}
    return {**asdict(summary), **days}
