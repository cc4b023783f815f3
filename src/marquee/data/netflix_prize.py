"""The Netflix Prize in all its physical forms: combined_data_*.txt or training_set/, movie_titles, probe, qualifying.

Its rating files are blocks: a header such as "1:" names the title, then one line a viewer. Another file of blocks is
one more `_Blocks`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from marquee.data.ahead import ahead
from marquee.data.archives import Member, content, members
from marquee.data.lines import BOM, Lines, pieces
from marquee.data.rejects import DOES_NOT_PARSE, Rejects
from marquee.data.titles import titles_table
from marquee.errors import SourceError
from marquee.tables import WHEN, smallest_id_type

NO_TITLE_ABOVE = "no title above"

_TITLES = re.compile(r"(^|/)movie_titles\.(csv|txt)$")
_NUMBERED = re.compile(r"(?P<series>combined_data_|mv_)(?P<number>\d+)\.txt$")


@dataclass(frozen=True)
class _Blocks:
    files: re.Pattern[str]
    called: str
    schema: Mapping[str, Any]


_RATINGS = _Blocks(
    re.compile(r"(^|/)(combined_data_\d+|mv_\d+)\.txt$"),
    "combined_data_1.txt … and no training_set/mv_0000001.txt …",
    {"user_id": pl.UInt32, "rating": pl.UInt8, "day": pl.Date},
)
_PROBE = _Blocks(re.compile(r"(^|/)probe\.txt$"), "probe.txt", {"user_id": pl.UInt32})
_QUALIFYING = _Blocks(re.compile(r"(^|/)qualifying\.txt$"), "qualifying.txt", {"user_id": pl.UInt32, "date": pl.Date})


def titles(path: Path, rejects: Rejects) -> pl.DataFrame:
    found = content(path, _TITLES)
    if found is None:
        raise SourceError(f"{path}: holds no movie_titles.csv and no movie_titles.txt; put it beside the ratings")
    file, text = found
    lines = text.removeprefix(BOM).decode("utf-8" if text.startswith(BOM) else "latin-1").split("\n")
    told = pl.DataFrame(
        [_title(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()],
        {"line": pl.UInt32, "text": pl.String, "title_id": pl.String, "year": pl.String, "name": pl.String},
        orient="row",
    )
    return titles_table(told.with_columns(pl.col("year").replace("NULL", None)), file, rejects)


def _title(number: int, line: str) -> tuple[int | str | None, ...]:
    # A name has commas of its own and no quotes around it.
    title_id, year, name = (*line.split(",", 2), None, None)[:3]
    return number, line, title_id, year, name


def ratings(path: Path, rejects: Rejects) -> Iterator[pl.DataFrame]:
    for rows in _rows(path, _RATINGS, rejects):
        yield rows.select(
            "user_id",
            "title_id",
            pl.col("rating").cast(pl.Float32),
            pl.col("day").cast(WHEN).alias("rated_at"),
            "file",
            "line",
        )


def has_probe(path: Path) -> bool:
    return content(path, _PROBE.files) is not None


def probe(path: Path, rejects: Rejects) -> pl.DataFrame:
    """The pairs on which everybody could measure."""
    return _pairs(path, _PROBE, rejects)


def qualifying(path: Path, rejects: Rejects) -> pl.DataFrame:
    """The pairs whose ratings the prize kept to itself, and their days."""
    return _pairs(path, _QUALIFYING, rejects)


def _pairs(path: Path, blocks: _Blocks, rejects: Rejects) -> pl.DataFrame:
    rows = pl.concat(_rows(path, blocks, rejects))
    largest = rows.select(pl.col("user_id", "title_id").max().fill_null(0)).row(0, named=True)
    small = [pl.col(name).cast(smallest_id_type(largest[name])) for name in largest]
    return rows.select(*small, *(name for name in blocks.schema if name not in largest))


def _rows(path: Path, blocks: _Blocks, rejects: Rejects) -> Iterator[pl.DataFrame]:
    """The lines of all blocks, piece by piece: the schema's columns, title_id, file and line."""
    marks = None
    for read in ahead(partial(_read, blocks.schema), pieces(_without_a_gap(_of_one_kind(members(path, blocks.files))))):
        marks = _marks(read, marks)
        broken = read.odd.filter(pl.col("title_id").is_null())
        read.piece.check_ends(broken)
        rejects.add_frame(broken.with_columns(reason=pl.lit(DOES_NOT_PARSE)))
        titled = read.rows.with_columns(marks["title_id"].gather(_mark_of_each_row(read, marks, path)))
        under_none = titled.filter(pl.col("title_id").is_null())["at"]
        rejects.add_frame(read.piece.told(under_none).with_columns(reason=pl.lit(NO_TITLE_ABOVE)))
        yield titled.drop_nulls("title_id")
    if marks is None:
        raise SourceError(f"{path}: holds no {blocks.called}; source.path in params.yaml must lead to them")


def _of_one_kind(files: Iterable[Member]) -> Iterator[Member]:
    """Refuses combined_data_*.txt and training_set/ side by side: they are the same ratings twice."""
    first = None
    for file in files:
        first = first or file.name
        if ("combined_data_" in file.name) != ("combined_data_" in first):
            raise SourceError(f"{file.place}: the same ratings lie in {first} as well; keep one of the two forms")
        yield file


def _without_a_gap(files: Iterable[Member]) -> Iterator[Member]:
    """Refuses files numbered from 1 of which one is missing, once all are read: an archive has an order of its own."""
    present = {}
    for file in files:
        if numbered := _NUMBERED.search(file.name):
            present[int(numbered["number"])] = (file.place, numbered)
        yield file
    gap = next((number for number in range(1, max(present, default=0)) if number not in present), None)
    if gap is not None:
        place, numbered = present[max(present)]
        missing = f"{numbered['series']}{gap:0{min(len(found['number']) for _, found in present.values())}}.txt"
        raise SourceError(f"{place}: there is no {missing} before it; copy or download that one as well")


@dataclass(frozen=True)
class _Read:
    """A piece, its lines that parse, and the others: headers (with their title_id) and what is broken (without)."""

    piece: Lines
    rows: pl.DataFrame
    odd: pl.DataFrame


def _read(schema: Mapping[str, Any], piece: Lines) -> _Read:
    rows, odd = piece.parsed(schema, ",")
    title_id = pl.col("text").str.extract(r"^(\d+)\s*:$").cast(pl.UInt64, strict=False).alias("title_id")
    return _Read(piece, piece.placed(rows), piece.told(odd).with_columns(title_id))


def _marks(read: _Read, before: pl.DataFrame | None) -> pl.DataFrame:
    """Where the title changes: at headers, and at the start of a file, under which no line may stand."""
    begun = [
        (at, None, True)
        for at, file in zip(read.piece.starts, read.piece.stretches, strict=True)
        if file.first_line == 1
    ]
    starts = pl.DataFrame(begun, _MARKS, orient="row")
    if before is not None and read.piece.stretches[0].first_line > 1:
        starts = pl.concat([before.tail(1).with_columns(at=pl.lit(0, pl.UInt32)), starts])
    # A header that is broken ends the block above it as well: what follows belongs to no title.
    headers = read.odd.filter(pl.col("text").str.contains("^[^,]*:$"))
    return pl.concat([starts, headers.select("at", "title_id", start=pl.lit(value=False))]).sort(
        "at", maintain_order=True
    )


_MARKS = {"at": pl.UInt32, "title_id": pl.UInt64, "start": pl.Boolean}


def _mark_of_each_row(read: _Read, marks: pl.DataFrame, path: Path) -> Any:
    firsts = np.searchsorted(read.rows["at"].to_numpy(), marks["at"].to_numpy())
    counts = np.diff(firsts, append=read.rows.height)
    headless = firsts[marks["start"].to_numpy() & (counts > 0)]
    if len(headless):
        row = read.rows.row(int(headless[0]), named=True)
        raise SourceError(
            f"{path}: {row['file']}:{row['line']} stands under no title; a file begins with a header such as '1:', "
            "so its beginning is missing; copy or download it again"
        )
    return np.repeat(np.arange(marks.height), counts)
