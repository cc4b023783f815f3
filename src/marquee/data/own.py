"""Data of one's own: ratings.parquet or ratings.csv, and optionally titles.parquet or titles.csv beside it.

Ratings need user_id, title_id, rating and rated_at; titles need title_id and name, and may have any other column of
TITLES, where csv separates the values of a list by |. Other columns are left alone.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl
from polars.exceptions import PolarsError

from marquee.data.ahead import ahead
from marquee.data.archives import Member
from marquee.data.lines import SURPLUS, Lines, Record, decoded, pieces, records
from marquee.data.rejects import DOES_NOT_PARSE, Rejects
from marquee.data.titles import titles_table
from marquee.errors import SourceError
from marquee.tables import TITLES, WHEN


class _Kind(NamedTuple):
    called: str
    holds: Callable[[pl.DataType], bool]


# Decimals and categories are left out where a cast would make another number of them.
_WHOLE = _Kind("whole numbers or text", lambda kind: kind.is_integer() or kind.is_float() or kind == pl.String)
_NUMBER = _Kind("numbers or text", lambda kind: kind.is_numeric() or kind == pl.String)
_TIME = _Kind("dates, times, numbers or text", lambda kind: kind in (pl.Date, pl.Datetime) or _WHOLE.holds(kind))
_TEXT = _Kind("text", lambda kind: not kind.is_nested() and kind not in (pl.Binary, pl.Duration))
_LIST = _Kind("text or lists of text", lambda kind: kind in (pl.String, pl.List(pl.String), pl.List(pl.Null)))


@dataclass(frozen=True)
class _Columns:
    """Those that a table must have, and what each of those that it may have holds."""

    table: str
    needed: Sequence[str]
    kinds: Mapping[str, _Kind]

    def check_names(self, file: Path, names: Sequence[str]) -> None:
        for name in self.needed:
            if name not in names:
                raise SourceError(f"{self.table}: no column {name} in {file}; it needs {', '.join(self.needed)}")
        for name in self.kinds:
            if names.count(name) > 1:
                raise SourceError(f"{self.table}: two columns {name} in {file}; keep one of them")

    def check_types(self, file: Path, schema: Mapping[str, pl.DataType]) -> None:
        for name, kind in self.kinds.items():
            if schema.get(name, pl.Null) != pl.Null and not kind.holds(schema[name]):
                raise SourceError(
                    f"{self.table}: column {name} in {file} is {schema[name]}; write it anew as {kind.called}"
                )


_RATING_KINDS = {"user_id": _WHOLE, "title_id": _WHOLE, "rating": _NUMBER, "rated_at": _TIME}
_RATINGS = _Columns("ratings", tuple(_RATING_KINDS), _RATING_KINDS)
_LISTS = frozenset(name for name, kind in TITLES.columns.items() if kind == pl.List(pl.String))
_TITLES = _Columns(
    "titles",
    ("title_id", "name"),
    {name: _LIST if name in _LISTS else _TEXT for name in TITLES.columns} | {"title_id": _WHOLE, "year": _WHOLE},
)
_ROWS = 1 << 20

# Epoch seconds come to this in the year 5138, epoch milliseconds came to it in March 1973.
_LEAST_MILLISECONDS = 100_000_000_000
_LAST_MILLISECOND = 253_402_300_799_999  # of the year 9999
_ISO = (
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M%#z",
    "%Y-%m-%d %H:%M",
)


def ratings(path: Path, rejects: Rejects) -> Iterator[pl.DataFrame]:
    for rows, aside in _ratings(path):
        rejects.add_frame(aside.with_columns(reason=pl.lit(DOES_NOT_PARSE)))
        yield rows


def titles(path: Path, rejects: Rejects) -> pl.DataFrame:
    """The titles beside the ratings, or else every title that was rated, named after its id."""
    file = _one_of(path if path.is_dir() else path.parent, "titles")
    if file is None:
        # Lines that are no ratings are set aside when the ratings are read, once.
        rated = pl.concat([rows.select("title_id").unique() for rows, _ in _ratings(path)]).unique().sort("title_id")
        title_id = pl.col("title_id").cast(pl.String)
        told = rated.select(title_id, name="Title " + title_id, year=pl.lit(None, pl.String))
        return titles_table(told.with_columns(line=pl.lit(None, pl.UInt32), text="title_id"), "ratings", rejects)
    return titles_table(_told_titles(file), file.name, rejects)


def _one_of(folder: Path, name: str) -> Path | None:
    found = [file for file in (folder / f"{name}.parquet", folder / f"{name}.csv") if file.is_file()]
    if len(found) == 2:
        raise SourceError(f"{folder}: holds {name}.parquet and {name}.csv; keep one of them")
    return next(iter(found), None)


def _ratings(path: Path) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Piece by piece: the ratings, and the lines that are none."""
    file = _one_of(path, "ratings") if path.is_dir() else path
    if file is None or not file.is_file():
        raise SourceError(f"{path}: no ratings.parquet and no ratings.csv; set source.path in params.yaml")
    return _from_parquet(file) if file.suffix == ".parquet" else _from_csv(file)


def _from_parquet(file: Path) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    try:
        table = pl.scan_parquet(file)
        schema = table.collect_schema()
        _RATINGS.check_names(file, schema.names())
        _RATINGS.check_types(file, schema)
        numbered = table.select(*_RATINGS.needed).with_row_index("line", 1)
        for start in range(0, table.select(pl.len()).collect().item() or 1, _ROWS):
            yield _split(numbered.slice(start, _ROWS).collect(), file.name)
    except (PolarsError, OSError) as error:
        raise _unreadable(file, error) from error


def _split(rows: pl.DataFrame, file: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    typed = _typed(rows).with_columns(file=pl.lit(file, pl.Categorical))
    sound = typed.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
    text = pl.concat_str(pl.col(*_RATINGS.needed).cast(pl.String).fill_null(""), separator=",")
    return typed.filter(sound), rows.filter(~sound).select("line", file=pl.lit(file), text=text)


def _from_csv(file: Path) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    with file.open("rb") as stream:
        columns = _cells(decoded(stream.readline()))
    _RATINGS.check_names(file, columns)
    with file.open("rb") as stream:
        yield from ahead(partial(_read, columns), pieces([Member(file.name, file.parent, stream)]))


def _read(columns: Sequence[str], piece: Lines) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = _fields(columns, piece)
    typed = piece.placed(_typed(rows).with_columns(rows["at"]))
    sound = typed.select(pl.all_horizontal(pl.all().is_not_null())).to_series() & rows[SURPLUS].is_null()
    aside = piece.told(rows["at"].filter(~sound)).filter(pl.col("line") > 1)
    piece.check_ends(aside)
    return typed.filter(sound).drop("at"), aside


def _fields(columns: Sequence[str], piece: Lines) -> pl.DataFrame:
    """The cells of each line as text. A quote is looked for within its line alone: one too many spoils no other."""
    names = [name if name in _RATINGS.needed else f"other {number}" for number, name in enumerate(columns)]
    schema = dict.fromkeys(names, pl.String)
    if b'"' not in piece.text:
        return piece.fields(schema, ",")
    lines = (_cells(line) for line in decoded(piece.text).split("\n")[:-1])
    width = len(names) + 1
    cells = [tuple(cell or None for cell in (*line, *[None] * width)[:width]) for line in lines]
    return pl.DataFrame(cells, {**schema, SURPLUS: pl.String}, orient="row").with_row_index("at")


def _cells(line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def _typed(rows: pl.DataFrame) -> pl.DataFrame:
    """The four columns in their types, none where a value does not parse."""
    return rows.select(
        _whole(rows["user_id"]),
        _whole(rows["title_id"]),
        _stripped(rows["rating"]).cast(pl.Float32, strict=False),
        when(rows["rated_at"]),
        *(rows[name] for name in ("line",) if name in rows.columns),
    )


def _stripped(column: pl.Series) -> pl.Series:
    return column.str.strip_chars() if column.dtype == pl.String else column


def _whole(column: pl.Series) -> pl.Series:
    ids = _stripped(column).cast(pl.UInt64, strict=False)
    # A cast rounds: what changes by it was no whole number.
    return ids.set(ids.cast(column.dtype) != column, None) if column.dtype.is_float() else ids


def when(column: pl.Series) -> pl.Series:
    """Points in time from dates, times, epoch seconds or milliseconds, or ISO text; without a zone they are UTC."""
    match column.dtype:
        case pl.Date:
            return column.cast(WHEN)
        case pl.Datetime(time_zone=None):
            return column.cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
        case pl.Datetime():
            return column.cast(pl.Datetime("ms", column.dtype.time_zone)).dt.convert_time_zone("UTC")
        case pl.String:
            return _from_text(column)
        case _:
            return _from_epoch(column)


def _from_epoch(column: pl.Series) -> pl.Series:
    number = column.cast(pl.Float64, strict=False)
    milliseconds = pl.when(number < _LEAST_MILLISECONDS).then(number * 1000).otherwise(number)
    told = pl.when(number.is_between(0, _LAST_MILLISECOND)).then(milliseconds)
    return pl.select(told.round().cast(pl.Int64, strict=False).cast(WHEN).alias(column.name)).to_series()


def _from_text(column: pl.Series) -> pl.Series:
    text = column.str.strip_chars()
    found = _from_epoch(text)
    iso = text.str.replace("T", " ", literal=True).str.replace(r" ?Z$", "+00:00")
    for form in _ISO:
        if found.null_count() == column.null_count():
            break
        read = iso.str.to_datetime(form, strict=False, time_unit="ms")
        found = found.fill_null(when(read))
    return found


def _told_titles(file: Path) -> pl.DataFrame:
    """The rows of a titles file as `titles_table` wants them: ids, names and years as text, lists as lists."""
    rows = _parquet_titles(file) if file.suffix == ".parquet" else _csv_titles(file)
    shaped = [listed(rows[name]) if name in _LISTS else rows[name].cast(pl.String) for name in rows.columns]
    year = () if "year" in rows.columns else (pl.lit(None, pl.String).alias("year"),)
    return pl.DataFrame(shaped).with_columns(pl.col("line").cast(pl.UInt32), *year)


def listed(column: pl.Series) -> pl.Series:
    """Lists of text, from lists or from text with | between its values."""
    words = column.str.split("|") if column.dtype == pl.String else column.cast(pl.List(pl.String), strict=False)
    return words.list.eval(pl.element().str.strip_chars().replace("", None).drop_nulls()).fill_null([])


def _parquet_titles(file: Path) -> pl.DataFrame:
    try:
        rows = pl.read_parquet(file)
    except (PolarsError, OSError) as error:
        raise _unreadable(file, error) from error
    _TITLES.check_names(file, rows.columns)
    _TITLES.check_types(file, rows.schema)
    text = pl.concat_str(pl.col(*_TITLES.needed).cast(pl.String).fill_null(""), separator=",")
    known = [name for name in rows.columns if name in TITLES.columns]
    return rows.select(*known, text=text).with_columns(_whole(rows["title_id"])).with_row_index("line", 1)


def _csv_titles(file: Path) -> pl.DataFrame:
    told = records(file.name, decoded(file.read_bytes()))
    columns = [name.strip() for name in next(told, Record(1, "", ())).cells]
    _TITLES.check_names(file, columns)
    known = [name for name in columns if name in TITLES.columns]
    rows = [(record.line, record.text, *_cells_of(record, columns, known)) for record in told]
    schema = {"line": pl.UInt32, "text": pl.String, **dict.fromkeys(known, pl.String)}
    return pl.DataFrame(rows, schema, orient="row")


def _cells_of(record: Record, columns: Sequence[str], known: Sequence[str]) -> list[str | None]:
    if len(record.cells) != len(columns):
        return [None] * len(known)
    return [dict(zip(columns, record.cells, strict=True))[name].strip() or None for name in known]


def _unreadable(file: Path, error: Exception) -> SourceError:
    return SourceError(f"{file}: not a Parquet file that can be read ({' '.join(str(error).split())}); write it anew")
