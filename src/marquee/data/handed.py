"""Tables that are handed over on the command line: all of one is right, or it is refused with what is wrong.

Parquet or csv. Ids may be any whole numbers that fit into 64 bits with a sign; columns that nobody asked for are left
alone. A title rated twice by one viewer counts as rated last; ratings of the same moment stay in the order of the file.
What is rated in the future would be the moment at which everybody asks: it is refused, but for clocks and zones.
What cannot be taken of a title is not known, and what the file holds besides is ignored: both are said.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from marquee.data.own import listed, when
from marquee.errors import SourceError, TableError
from marquee.tables import AGE_GROUPS, GENDERS, KINDS_OF_TITLE, RATING_RANGE, RATINGS, TITLES, VIEWERS, WHEN

Say = Callable[[str], None]

_PAIR = ("user_id", "title_id")
_ID = pl.Int64()
_EXACT = 2**53  # below it every whole number is one of Float64
_CLOCKS_APART = timedelta(days=1)  # a zone mistaken is still a time
_LAST_MILLISECOND = 253_402_300_799_999  # of the year 9999; greater numbers are of smaller units
_SHOWN = 40  # letters of a value that is wrong


@dataclass(frozen=True)
class _Kind:
    """What a column holds, and the types of which that can be read."""

    called: str
    holds: Callable[[pl.DataType], bool]


_NUMBER = _Kind("numbers or text", lambda kind: kind.is_numeric() or kind == pl.String)
_TIME = _Kind("dates, times, numbers or text", lambda kind: kind in (pl.Date, pl.Datetime) or _NUMBER.holds(kind))
_TEXT = _Kind("text", lambda kind: not kind.is_nested() and kind not in (pl.Binary, pl.Duration))
_LIST = _Kind(
    "lists of text, or text with | between its values",
    lambda kind: kind in (pl.String, pl.List(pl.String), pl.List(pl.Categorical), pl.List(pl.Null)),
)
_KINDS: Mapping[str, _Kind] = {
    **dict.fromkeys((*_PAIR, "rating", "year"), _NUMBER),
    "rated_at": _TIME,
    **{name: _LIST for name, kind in TITLES.columns.items() if kind == pl.List(pl.String)},
}


def _nothing(words: str) -> None:
    """For whoever has nobody to say it to."""


def ratings(path: Path, now: datetime) -> pl.DataFrame:
    """RATINGS of any ids, one at least."""
    told = histories(path, now)
    if told.is_empty():
        raise TableError(f"{path}: holds no rating; it needs one at least")
    return told


def histories(path: Path, now: datetime) -> pl.DataFrame:
    """The same, of which there may be none."""
    told = _read(path, tuple(RATINGS.columns))
    rating = _on_the_scale(path, told["rating"])
    rated_at = _not_ahead(path, _moments(path, told["rated_at"]), now)
    in_time = told.select(*_PAIR, rating, rated_at).sort(RATINGS.sorted_by, maintain_order=True)
    return RATINGS.check(in_time.unique(_PAIR, keep="last", maintain_order=True))


def pairs(path: Path) -> pl.DataFrame:
    """user_id, title_id, and rated_at, none where it is not told; in the order of the file."""
    told = _read(path, _PAIR, ("rated_at",))
    if "rated_at" not in told.columns:
        return told.with_columns(rated_at=pl.lit(None, WHEN))
    return told.with_columns(_moments(path, told["rated_at"], may_lack=True))


def viewer_ids(path: Path) -> pl.Series:
    """The user_ids of a file, each once, rising."""
    return _read(path, ("user_id",))["user_id"].unique().sort()


def titles(path: Path, say: Say = _nothing) -> pl.DataFrame:
    """TITLES of any ids; only title_id has to be there. What cannot be taken is not known, and told."""
    told = _once(path, _read(path, ("title_id",), tuple(TITLES.columns), say), "title_id")
    shaped = told.with_columns(_shaped(path, told[name], say) for name in told.columns if name != "title_id")
    name = pl.col("name") if "name" in told.columns else pl.lit(None, pl.String)
    named = shaped.with_columns(name=name.fill_null(pl.format("title {}", "title_id")))
    return TITLES.check(TITLES.complete(named))


def viewers(path: Path, say: Say = _nothing) -> pl.DataFrame:
    """VIEWERS of any ids; only user_id has to be there."""
    told = _once(path, _read(path, ("user_id",), tuple(VIEWERS.columns), say), "user_id")
    texts = told.with_columns(pl.col(name).cast(pl.String) for name in told.columns if name != "user_id")
    for name, groups in (("age_group", AGE_GROUPS), ("gender", GENDERS)):
        if name in texts.columns and not texts[name].drop_nulls().is_in(groups).all():
            raise TableError(f"{path}: not every {name} is one of {', '.join(groups)}, or empty where not known")
    return VIEWERS.check(VIEWERS.complete(texts))


def _read(path: Path, needed: Sequence[str], optional: Sequence[str] = (), say: Say = _nothing) -> pl.DataFrame:
    """Those columns of a file, ids as whole numbers."""
    try:
        table = _table(path)
        names = table.collect_schema().names()
        if missing := [name for name in needed if name not in names]:
            raise TableError(f"{path}: no column {missing[0]}; it needs {', '.join(needed)}")
        wanted = [*needed, *(name for name in optional if name in names)]
        told = table.select(*dict.fromkeys(wanted)).collect()
    except (PolarsError, OSError) as error:
        raise SourceError(f"{path}: no table that can be read ({' '.join(str(error).split())})") from error
    if unknown := [name for name in names if name not in wanted]:
        say(f"{path}: ignored: {', '.join(unknown)}; it may have {', '.join(optional)}")
    typed = told.select(_of_kind(path, told[name]) for name in told.columns)
    return typed.with_columns(_ids(path, typed[name]) for name in _PAIR if name in wanted)


def _table(path: Path) -> pl.LazyFrame:
    match path.suffix.lower():
        case _ if not path.exists():
            raise SourceError(f"{path}: no table that can be read (there is no such file)")
        case ".parquet":
            return pl.scan_parquet(path)
        case _ if path.is_dir():
            raise SourceError(f"{path}: a folder, not a table; name a file in it")
        case ".csv" | ".txt":
            return _csv(path)
        case _:
            raise SourceError(f"{path}: no table by its ending; write it as .parquet, or as .csv or .txt with commas")


def _of_kind(path: Path, column: pl.Series) -> pl.Series:
    """The column, categories as the text they are; TableError if such values can never be what it is to hold."""
    column = column.cast(pl.String) if column.dtype in (pl.Categorical, pl.Enum) else column
    kind = _KINDS.get(column.name, _TEXT)
    if column.dtype != pl.Null and not kind.holds(column.dtype):
        raise TableError(f"{path}: {column.name} is {column.dtype}; write it anew as {kind.called}")
    return column.str.strip_chars().replace("", None) if column.dtype == pl.String else column


def _csv(path: Path) -> pl.LazyFrame:
    """All of it as text: what the first rows look like says nothing of those that follow."""
    return pl.scan_csv(path, infer_schema=False)


def _ids(path: Path, column: pl.Series) -> pl.Series:
    whole = _in_text(column) if column.dtype == pl.String else _whole(column)
    way_out = "number them, and keep what each number stands for"
    _check(path, column, whole.is_not_null(), "not a whole number of 64 bits", way_out)
    return whole


def _in_text(column: pl.Series) -> pl.Series:
    """Digits to the last one; 7.0 and 1e5 too, as tables with gaps are often written, while that is exact."""
    number = column.cast(pl.Float64, strict=False)
    return column.cast(_ID, strict=False).fill_null(_whole(number.set(number.abs() >= _EXACT, None)))


def _whole(column: pl.Series) -> pl.Series:
    ids = column.cast(_ID, strict=False)
    # A cast rounds: what changes by it was no whole number.
    return ids if column.dtype.is_integer() else ids.set(ids.cast(column.dtype) != column, None)


def _on_the_scale(path: Path, column: pl.Series) -> pl.Series:
    rating = column.cast(pl.Float32, strict=False).fill_nan(None)
    _check(path, column, rating.is_not_null(), "not a number", "leave the rows out where nothing was rated")
    low, high = RATING_RANGE
    _check(path, column, rating.is_between(low, high), f"not from {low} to {high}", "bring them all to that scale")
    return rating


def _moments(path: Path, column: pl.Series, *, may_lack: bool = False) -> pl.Series:
    moments = when(column)
    found = moments.is_not_null() | column.is_null() if may_lack else moments.is_not_null()
    way_out = "write seconds since 1970, or times as 2020-01-31 20:15:00"
    if _NUMBER.holds(column.dtype) and (column.cast(pl.Float64, strict=False) > _LAST_MILLISECOND).any():
        way_out = "such great numbers are micro- or nanoseconds, divide them until they are seconds or milliseconds"
    _check(path, column, found, "not a time or epoch seconds", way_out)
    return moments


def _not_ahead(path: Path, column: pl.Series, now: datetime) -> pl.Series:
    in_time = column <= now + _CLOCKS_APART
    way_out = "correct those moments, or leave the rows out"
    _check(path, column.dt.to_string("%Y-%m-%d %H:%M"), in_time, "in the future", way_out)
    return column


def _check(path: Path, column: pl.Series, right: pl.Series, fault: str, way_out: str) -> None:
    if not right.all():
        raise TableError(f"{path}: {column.name} is {fault} in {_where(column, ~right)}; {way_out}")


def _where(column: pl.Series, wrong: pl.Series) -> str:
    """How many rows, and an example."""
    row = wrong.arg_max() or 0
    value = "empty" if column[row] is None else str(column[row])[:_SHOWN]
    return f"{wrong.sum():,} rows, first in row {row}, counted from 0 ({value})"


def _once(path: Path, table: pl.DataFrame, name: str) -> pl.DataFrame:
    if not (first := table[name].is_first_distinct()).all():
        raise TableError(f"{path}: {name} {table[name].filter(~first)[0]} comes twice; keep one row of each")
    return table


def _shaped(path: Path, column: pl.Series, say: Say) -> pl.Series:
    """A column of titles in its type; what has no meaning in it is not known."""
    kind = TITLES.columns[column.name]
    if kind == pl.List(pl.String):
        return listed(column).fill_null([])
    match column.name:
        case "year":
            column = column.fill_nan(None) if column.dtype.is_float() else column
            told, way_out = _year(column), "a year is a whole number such as 1999"
        case "kind":
            text = column.cast(pl.String).str.to_lowercase()
            told, way_out = text.set(~text.is_in(KINDS_OF_TITLE), None), f"a kind is {' or '.join(KINDS_OF_TITLE)}"
        case _:
            return column.cast(kind)
    lost = column.is_not_null() & told.is_null()
    if lost.any():
        say(f"{path}: {column.name} is not taken in {_where(column, lost)}; {way_out}")
    return told


def _year(column: pl.Series) -> pl.Series:
    """1999.0 is 1999, as a column with gaps is often written; 1999.5 is none."""
    number = column.cast(pl.Float64, strict=False)
    whole = number.cast(pl.Int16, strict=False)
    return whole.set(whole != number, None)
