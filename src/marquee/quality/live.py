"""Live quality: what was shown, beside what its viewers then did with it, by the version of the model that showed it.

    taken(events, within)              one row a title shown: who showed it, and what came of it
    labels(told)                       of each row, whether it was opened, finished, rated
    by_version(told)                   one row a version: shares, and how sure they are
    gap(told, one, other)              how far one version is above another

A title counts once a list; what a viewer does with it counts for the list that showed it last before.
"""

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

DONE = {
    "opened": ("opened", "watch_started", "watch_progress", "watch_finished", "rewatched"),
    "finished": ("watch_finished", "rewatched"),
    "rated": ("rated", "liked"),
}
TAKEN = "taken"  # finished, rated or liked: what showing it was for
_Z = 1.96  # 95 %


@dataclass(frozen=True)
class Gap:
    """Of the share that is taken."""

    of: float  # the other's
    gap: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.gap:+.2%} to {self.of:.2%} ({self.low:+.2%} to {self.high:+.2%})"


def taken(events: pl.DataFrame, within: timedelta) -> pl.DataFrame:
    """version, user_id, rank, and of each of DONE and TAKEN whether it was done within that time."""
    shown = events.filter(pl.col("kind") == "shown").select(
        "user_id",
        "title_id",
        "happened_at",
        version=pl.col("detail").str.json_path_match("$.model"),
        # Who sends events writes details as they like.
        rank=pl.col("detail").str.json_path_match("$.rank").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False),
        row=pl.int_range(pl.len()),
    )
    pair, deeds = ["user_id", "title_id"], events.filter(pl.col("kind") != "shown").drop_nulls("title_id")
    done = (
        deeds.sort("happened_at")
        .join_asof(
            shown.drop_nulls("title_id").sort("happened_at"),
            on="happened_at",
            by=pair,
            strategy="backward",
            tolerance=within,
            check_sortedness=False,
        )
        .drop_nulls("row")
    )
    outcomes = {name: pl.col("kind").is_in(kinds).any() for name, kinds in DONE.items()}
    of_row = done.group_by("row").agg(**outcomes)
    told = shown.join(of_row, on="row", how="left").with_columns(pl.col(*DONE).fill_null(value=False))
    return told.with_columns((pl.col("finished") | pl.col("rated")).alias(TAKEN)).drop_nulls("version")


def labels(told: pl.DataFrame) -> pl.DataFrame:
    """Whether each outcome came, in words."""
    return told.select(pl.when(name).then(pl.lit("yes")).otherwise(pl.lit("no")).alias(name) for name in DONE)


def by_version(told: pl.DataFrame) -> pl.DataFrame:
    """version, first and last moment, viewers, how many titles were shown, and the share of each outcome."""
    return (
        told.group_by("version")
        .agg(
            pl.col("happened_at").min().alias("first"),
            pl.col("happened_at").max().alias("last"),
            pl.col("user_id").n_unique().alias("viewers"),
            pl.len().alias("shown"),
            pl.col(*DONE, TAKEN).mean(),
        )
        .sort("last", "version", descending=[True, False])
    )


def gap(told: pl.DataFrame, one: str, other: str) -> Gap:
    """With its 95 % interval; viewers, not titles, are what chance draws, so one busy viewer proves nothing."""
    (own, own_error), (of, of_error) = (_share(told.filter(pl.col("version") == name)) for name in (one, other))
    either_way = _Z * (own_error**2 + of_error**2) ** 0.5
    return Gap(of, own - of, own - of - either_way, own - of + either_way)


def _share(told: pl.DataFrame) -> tuple[float, float]:
    """What is taken of all that is shown, and its standard error."""
    viewers = told.group_by("user_id").agg(shown=pl.len(), taken=pl.col(TAKEN).sum())
    shown, count = int(viewers["shown"].sum()), int(viewers["taken"].sum())
    if not shown:
        return float("nan"), float("nan")
    off = viewers["taken"] - viewers["shown"] * (count / shown)
    return count / shown, float((off * off).sum()) ** 0.5 / shown
