"""Files as people download them: plain or gzipped, with a header, and here and there a broken row.

What is no such file at all is a SourceError; a row that cannot be read is set aside.
"""

import csv
import gzip
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from marquee.data.rejects import Rejects
from marquee.errors import SourceError

TEXT_KEPT = 500  # characters of a broken row: one unclosed quote can swallow a file

_LONGEST = 2**31 - 1  # characters of a cell: the cast of a film is longer than csv's own limit


def find(folder: Path, name: str) -> Path | None:
    """The file of that name, plain or gzipped, if it is there."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def csv_rows(path: Path, needed: Collection[str], rejects: Rejects) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with the number of its first line."""
    opened = gzip.open if path.suffix == ".gz" else open
    with _readable(path), _long_cells(), opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        _check_header(path, header, needed)
        line = reader.line_num + 1
        for row in reader:
            if len(row) == len(header):
                yield line, dict(zip(header, row, strict=True))
            elif row:
                rejects.add(path.name, line, "wrong number of columns", ",".join(row)[:TEXT_KEPT])
            line = reader.line_num + 1


def tsv_rows(
    path: Path, told: tuple[str, ...], perhaps: tuple[str, ...], wanted: pl.Expr, rejects: Rejects
) -> pl.DataFrame:
    r"""Columns of the rows whose "line" is wanted, as text: an id and what else must be told, and what may be `\N`.

    The file is streamed: memory holds the wanted rows alone, however large it is.
    """
    with _readable(path):
        lines = pl.scan_lines(path).with_row_index("number", offset=1)
        first = lines.head(1).collect()["line"].to_list()
        header = first[0].lstrip("\ufeff").split("\t") if first else []
        _check_header(path, header, told + perhaps)
        cells = pl.col("line").str.split("\t")
        rows = lines.filter(wanted & (pl.col("number") > 1)).with_columns(cells=cells).collect(engine="streaming")
    columns = [
        pl.col("cells").list.get(header.index(name), null_on_oob=True).replace({r"\N": None}).alias(name)
        for name in told + perhaps
    ]
    table = rows.with_columns(columns)
    fault = _fault(told, len(header))
    _set_aside(path, table.with_columns(reason=fault).drop_nulls("reason"), rejects)
    return table.filter(fault.is_null()).select(told + perhaps)


def _fault(told: tuple[str, ...], width: int) -> pl.Expr:
    faults = [pl.when(pl.col("cells").list.len() != width).then(pl.lit("wrong number of columns"))]
    faults += [pl.when(~pl.col(told[0]).str.contains(r"^[a-z]+\d{1,15}$")).then(pl.lit(f"{told[0]} is no id"))]
    faults += [pl.when(pl.col(name).is_null()).then(pl.lit(f"no {name}")) for name in told]
    return pl.coalesce(*faults)


def _set_aside(path: Path, broken: pl.DataFrame, rejects: Rejects) -> None:
    rejects.add_frame(
        broken.select(
            pl.lit(path.name).alias("file"),
            pl.col("line").str.head(TEXT_KEPT).alias("text"),
            pl.col("number").alias("line"),
            "reason",
        )
    )


def _check_header(path: Path, header: Collection[str], needed: Collection[str]) -> None:
    absent = [name for name in needed if name not in header]
    if absent:
        raise SourceError(f"{path}: no column {', '.join(absent)}; it is not the file its name says, fetch it again")


@contextmanager
def _long_cells() -> Iterator[None]:
    """The limit holds for the whole process: others get theirs back."""
    before = csv.field_size_limit(_LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(before)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, UnicodeError, csv.Error, pl.exceptions.PolarsError) as error:
        reason = " ".join(str(error).split())
        raise SourceError(f"{path}: cut short or not what its name says ({reason}); fetch it again") from error
