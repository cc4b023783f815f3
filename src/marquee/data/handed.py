"""Tables that are handed over on the command line: all of one is right, or it is refused with what is wrong.

Parquet or csv. Ids may be any whole numbers that fit into 64 bits with a sign; columns that nobody asked for are left
alone. A title rated twice by one viewer counts as rated last; ratings of the same moment stay in the order of the file.
What is rated in the future would be the moment at which everybody asks: it is refused, but for clocks and zones.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from marquee.data.own import listed, when
from marquee.errors import SourceError, TableError
from marquee.tables import AGE_GROUPS, GENDERS, KINDS_OF_TITLE, RATING_RANGE, RATINGS, TITLES, VIEWERS, Table

_PAIR = ("user_id", "title_id")
_ID = pl.Int64()
_EXACT = 2**53  # below it every whole number is one of Float64
_CLOCKS_APART = timedelta(days=1)  # a zone mistaken is still a time


def ratings(path: Path, now: datetime) -> pl.DataFrame:
    """RATINGS of any ids."""
    told = _read(path, tuple(RATINGS.columns))
    if told.is_empty():
        raise TableError(f"{path}: holds no rating; it needs one at least")
    rating = _full(path, told["rating"].cast(pl.Float32, strict=False).fill_nan(None), "a number")
    if not rating.is_between(*RATING_RANGE).all():
        low, high = RATING_RANGE
        raise TableError(f"{path}: not every rating is from {low} to {high}; bring them all to that scale")
    rated_at = _not_ahead(path, _full(path, when(told["rated_at"]), "a time or epoch seconds"), now)
    in_time = told.select(*_PAIR, rating, rated_at).sort(RATINGS.sorted_by, maintain_order=True)
    return RATINGS.check(in_time.unique(_PAIR, keep="last", maintain_order=True))


def pairs(path: Path) -> pl.DataFrame:
    """user_id and title_id, in the order of the file."""
    return _read(path, _PAIR)


def viewer_ids(path: Path) -> pl.Series:
    """The user_ids of a file, each once, rising."""
    return _read(path, ("user_id",))["user_id"].unique().sort()


def titles(path: Path) -> pl.DataFrame:
    """TITLES of any ids; only title_id has to be there."""
    told = _once(path, _read(path, ("title_id",), TITLES), "title_id")
    shaped = told.with_columns(_shaped(told[name]) for name in told.columns if name != "title_id")
    name = pl.col("name") if "name" in told.columns else pl.lit(None, pl.String)
    named = shaped.with_columns(name=name.fill_null(pl.format("title {}", "title_id")))
    return TITLES.check(TITLES.complete(named))


def viewers(path: Path) -> pl.DataFrame:
    """VIEWERS of any ids; only user_id has to be there."""
    told = _once(path, _read(path, ("user_id",), VIEWERS), "user_id")
    texts = told.with_columns(pl.col(name).cast(pl.String) for name in told.columns if name != "user_id")
    for name, groups in (("age_group", AGE_GROUPS), ("gender", GENDERS)):
        if name in texts.columns and not texts[name].drop_nulls().is_in(groups).all():
            raise TableError(f"{path}: not every {name} is one of {', '.join(groups)}, or empty where not known")
    return VIEWERS.check(VIEWERS.complete(texts))


def _read(path: Path, needed: Sequence[str], optional: Table | None = None) -> pl.DataFrame:
    """Those columns of a file, ids as whole numbers."""
    try:
        table = _csv(path) if path.suffix in (".csv", ".txt") else pl.scan_parquet(path)
        names = table.collect_schema().names()
        if missing := [name for name in needed if name not in names]:
            raise TableError(f"{path}: no column {missing[0]}; it needs {', '.join(needed)}")
        wanted = [*needed, *(name for name in (optional.columns if optional else ()) if name in names)]
        told = table.select(*dict.fromkeys(wanted)).collect()
    except (PolarsError, OSError) as error:
        raise SourceError(f"{path}: no table that can be read ({' '.join(str(error).split())})") from error
    return told.with_columns(_ids(path, told[name]) for name in _PAIR if name in wanted)


def _csv(path: Path) -> pl.LazyFrame:
    """All of it as text: what the first rows look like says nothing of those that follow."""
    return pl.scan_csv(path, infer_schema=False).with_columns(pl.all().str.strip_chars().replace("", None))


def _ids(path: Path, column: pl.Series) -> pl.Series:
    whole = _in_text(column) if column.dtype == pl.String else _whole(column)
    return _full(path, whole, "a whole number of 64 bits")


def _in_text(column: pl.Series) -> pl.Series:
    """Digits to the last one; 7.0 and 1e5 too, as tables with gaps are often written, while that is exact."""
    text = column.str.strip_chars()
    number = text.cast(pl.Float64, strict=False)
    return text.cast(_ID, strict=False).fill_null(_whole(number.set(number.abs() >= _EXACT, None)))


def _whole(column: pl.Series) -> pl.Series:
    ids = column.cast(_ID, strict=False)
    # A cast rounds: what changes by it was no whole number.
    return ids if column.dtype.is_integer() else ids.set(ids.cast(column.dtype) != column, None)


def _full(path: Path, column: pl.Series, what: str) -> pl.Series:
    if faults := column.null_count():
        row = column.is_null().arg_max()
        raise TableError(f"{path}: {column.name} is not {what} in {faults:,} rows, first in row {row}, counted from 0")
    return column


def _not_ahead(path: Path, column: pl.Series, now: datetime) -> pl.Series:
    ahead = (column > now + _CLOCKS_APART).arg_true()
    if len(ahead):
        raise TableError(
            f"{path}: {column.name} is in the future in {len(ahead):,} rows, first in row {ahead[0]}, counted from 0 "
            f"({column[ahead[0]]:%Y-%m-%d %H:%M}); correct those moments, or leave the rows out"
        )
    return column


def _once(path: Path, table: pl.DataFrame, name: str) -> pl.DataFrame:
    if not (first := table[name].is_first_distinct()).all():
        raise TableError(f"{path}: {name} {table[name].filter(~first)[0]} comes twice; keep one row of each")
    return table


def _shaped(column: pl.Series) -> pl.Series:
    """A column of titles in its type; what has no meaning in it is not known."""
    kind = TITLES.columns[column.name]
    if column.name == "kind":
        return column.cast(pl.String).set(~column.is_in(KINDS_OF_TITLE), None)
    if kind == pl.List(pl.String):
        return listed(column).fill_null([])
    # 1999.0 in text is 1999, as a column with gaps is often written.
    told = column.cast(pl.Float64, strict=False) if kind.is_numeric() and column.dtype == pl.String else column
    return told.cast(kind, strict=False)
