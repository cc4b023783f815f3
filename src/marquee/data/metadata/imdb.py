r"""IMDb's TSVs: names of titles first, then people, and only those of the titles that are asked for.

The files of people hold tens of millions of lines: they are streamed, and nothing but the wanted lines is kept.
"""

from functools import partial
from pathlib import Path

import polars as pl

from marquee.data.metadata.files import find, tsv_rows
from marquee.data.metadata.table import DETAILS, NAMES, Metadata
from marquee.data.rejects import Rejects

CAST = 12
_KINDS = {
    **dict.fromkeys(("movie", "tvMovie", "video", "short", "tvShort", "tvSpecial"), "movie"),
    **dict.fromkeys(("tvSeries", "tvMiniSeries"), "series"),
}


def read(folder: Path, rejects: Rejects) -> Metadata | None:
    path = find(folder, "title.basics.tsv")
    if path is None:
        return None
    of_a_kind = pl.col("line").str.contains(rf"^tt\d+\t(?:{'|'.join(_KINDS)})\t") | _no_line_of("tt")
    told, perhaps = ("tconst", "titleType", "primaryTitle"), ("originalTitle", "startYear", "genres")
    titles = tsv_rows(path, told, perhaps, of_a_kind, rejects).select(
        _id("tconst").alias("key"),
        pl.col("primaryTitle").alias("name"),
        pl.col("originalTitle").alias("original"),
        pl.col("startYear").cast(pl.Int16, strict=False).alias("year"),
        pl.col("titleType").replace_strict(_KINDS, default=None).alias("kind"),
        pl.col("genres").str.split(",").fill_null([]),
    )
    titles = titles.unique("key", keep="first", maintain_order=True)
    return Metadata("title.basics.tsv", _names(titles, folder, rejects), partial(_details, titles, folder, rejects))


def _names(titles: pl.DataFrame, folder: Path, rejects: Rejects) -> pl.DataFrame:
    others = titles.filter(pl.col("original") != pl.col("name")).with_columns(name=pl.col("original"))
    return pl.concat([titles, others]).join(_votes(folder, rejects), on="key", how="left").select(*NAMES)


def _votes(folder: Path, rejects: Rejects) -> pl.DataFrame:
    path = find(folder, "title.ratings.tsv")
    if path is None:
        return pl.DataFrame(schema={"key": pl.Int64, "votes": pl.Float64})
    rows = tsv_rows(path, ("tconst", "numVotes"), (), pl.lit(True), rejects)
    votes = rows.select(_id("tconst").alias("key"), pl.col("numVotes").cast(pl.Float64, strict=False).alias("votes"))
    return votes.unique("key", keep="first")


def _details(titles: pl.DataFrame, folder: Path, rejects: Rejects, keys: pl.Series) -> pl.DataFrame:
    people = pl.concat([_cast(folder, keys, rejects), _directors(folder, keys, rejects)])
    named = people.join(_people(folder, people["person"].unique(), rejects), on="person")
    roles = {
        role: named.filter(pl.col("role") == role)
        .sort("key", "place")
        .group_by("key", maintain_order=True)
        .agg(pl.col("called").unique(maintain_order=True).head(CAST).alias(role))
        for role in ("cast", "directors")
    }
    known = titles.filter(pl.col("key").is_in(keys.implode()))
    for role in roles.values():
        known = known.join(role, on="key", how="left", maintain_order="left")
    absent = [pl.lit(None, kind).alias(column) for column, kind in DETAILS.items() if column not in known.columns]
    lists = [pl.col(column).fill_null([]) for column, kind in DETAILS.items() if isinstance(kind, pl.List)]
    return known.with_columns(absent).with_columns(lists).select(*DETAILS)


_PEOPLE = {"key": pl.Int64, "person": pl.Int64, "role": pl.String, "place": pl.Int64}


def _cast(folder: Path, keys: pl.Series, rejects: Rejects) -> pl.DataFrame:
    path = find(folder, "title.principals.tsv")
    if path is None:
        return pl.DataFrame(schema=_PEOPLE)
    told = ("tconst", "ordering", "nconst", "category")
    rows = tsv_rows(path, told, (), _line_of("tt", keys), rejects)
    return rows.filter(pl.col("category").is_in(["actor", "actress", "self"])).select(
        _id("tconst").alias("key"),
        _id("nconst").alias("person"),
        role=pl.lit("cast"),
        place=pl.col("ordering").cast(pl.Int64, strict=False),
    )


def _directors(folder: Path, keys: pl.Series, rejects: Rejects) -> pl.DataFrame:
    path = find(folder, "title.crew.tsv")
    if path is None:
        return pl.DataFrame(schema=_PEOPLE)
    rows = tsv_rows(path, ("tconst",), ("directors",), _line_of("tt", keys), rejects).drop_nulls()
    each = rows.with_columns(pl.col("directors").str.split(",")).explode("directors").with_row_index("place")
    return each.select(
        _id("tconst").alias("key"),
        _id("directors").alias("person"),
        role=pl.lit("directors"),
        place=pl.col("place").cast(pl.Int64),
    )


def _people(folder: Path, people: pl.Series, rejects: Rejects) -> pl.DataFrame:
    path = find(folder, "name.basics.tsv")
    if path is None:
        return pl.DataFrame(schema={"person": pl.Int64, "called": pl.String})
    rows = tsv_rows(path, ("nconst", "primaryName"), (), _line_of("nm", people), rejects)
    named = rows.select(_id("nconst").alias("person"), pl.col("primaryName").alias("called"))
    return named.unique("person", keep="first")


def _id(column: str) -> pl.Expr:
    """The number in an id such as tt0111161."""
    return pl.col(column).str.extract(r"^(?:tt|nm)(\d+)$").cast(pl.Int64, strict=False)


def _line_of(prefix: str, keys: pl.Series) -> pl.Expr:
    """Lines of these ids, and those of none at all: the reader sets them aside."""
    number = pl.col("line").str.extract(rf"^{prefix}(\d+)\t").cast(pl.Int64, strict=False)
    return number.is_in(keys.implode()).fill_null(value=True)


def _no_line_of(prefix: str) -> pl.Expr:
    return ~pl.col("line").str.contains(rf"^{prefix}\d+\t")
