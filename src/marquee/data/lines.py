"""Text in pieces of whole lines, each line with its place: a large file makes many pieces, small files share one.

A reader asks for `pieces` and parses each with `Lines.parsed`; what is odd about a line is for the reader to judge.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from marquee.data.archives import Member
from marquee.errors import SourceError

PIECE = 16 << 20
LONGEST_LINE = 16 << 20
SURPLUS = "surplus"
BOM = b"\xef\xbb\xbf"
_UNUSED = "\x1f"  # stands in for a separator of several bytes, which the csv parser does not know


@dataclass(frozen=True)
class Stretch:
    """Whole lines of one file."""

    file: str
    first_line: int
    text: bytes
    ended: bool = True  # whether the file itself ends the last of them

    @property
    def last_line(self) -> int:
        return self.first_line + self.text.count(b"\n") - 1


@dataclass(frozen=True)
class Lines:
    """Stretches joined. `at` counts the lines of all of them, from 0."""

    stretches: tuple[Stretch, ...]

    @cached_property
    def text(self) -> bytes:
        return b"".join(stretch.text for stretch in self.stretches)

    @cached_property
    def _ends(self) -> npt.NDArray[np.intp]:
        return np.flatnonzero(_newlines(self.text))

    @cached_property
    def starts(self) -> npt.NDArray[np.intp]:
        """Where each stretch begins, as `at`."""
        lengths = np.cumsum([0, *(len(stretch.text) for stretch in self.stretches)])
        return np.searchsorted(self._ends, lengths[:-1])

    def fields(self, schema: Mapping[str, Any], separator: str) -> pl.DataFrame:
        """One row a line: `at`, these fields (none where one does not parse), and SURPLUS, a field too many."""
        one_byte = separator if len(separator) == 1 else _UNUSED
        return pl.read_csv(
            self.text if separator == one_byte else self.text.replace(separator.encode(), one_byte.encode()),
            schema={**schema, SURPLUS: pl.String},
            separator=one_byte,
            has_header=False,
            quote_char=None,
            encoding="utf8-lossy",
            ignore_errors=True,
            missing_columns="insert",
            extra_columns="ignore",
        ).with_row_index("at")

    def parsed(self, schema: Mapping[str, Any], separator: str) -> tuple[pl.DataFrame, pl.Series]:
        """The lines of exactly these fields, with `at`; and the `at` of all others, also of blank ones."""
        fields = self.fields(schema, separator)
        sound = pl.all_horizontal(pl.col(*schema).is_not_null(), pl.col(SURPLUS).is_null())
        sound_lines = fields.select(sound).to_series()
        return fields.drop(SURPLUS).filter(sound_lines), (~sound_lines).arg_true()

    def placed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with `at`, in order, get their file and line."""
        firsts = np.searchsorted(rows["at"].to_numpy(), self.starts)
        lengths = np.diff(firsts, append=rows.height)
        files = pl.Series("file", [stretch.file for stretch in self.stretches], pl.Categorical)
        # Below zero for a file that begins late in the piece; unsigned numbers come round again.
        before = (np.array([stretch.first_line for stretch in self.stretches]) - self.starts).astype(np.uint32)
        line = pl.Series("line", rows["at"].to_numpy() + np.repeat(before, lengths), pl.UInt32)
        return rows.with_columns(files.gather(np.repeat(np.arange(len(lengths)), lengths)), line)

    def told(self, at: pl.Series) -> pl.DataFrame:
        """Text, file and line of what stands at `at`, without blank lines."""
        ends = self._ends[at.to_numpy()]
        starts = np.append(0, self._ends + 1)[at.to_numpy()]
        texts = [
            self.text[start:end].decode("utf-8", "replace").strip() for start, end in zip(starts, ends, strict=True)
        ]
        return self.placed(pl.DataFrame({"at": at, "text": texts}, {"at": pl.UInt32, "text": pl.String})).filter(
            pl.col("text") != ""
        )

    def check_ends(self, broken: pl.DataFrame) -> None:
        """Refuses a file that ends without a line end within a line that does not parse: more is missing than this."""
        unended = {(stretch.file, stretch.last_line) for stretch in self.stretches if not stretch.ended}
        for file, line in broken.select("file", "line").iter_rows():
            if (file, line) in unended:
                raise SourceError(f"{file}:{line}: the file is cut short within this line; copy or download it again")


def _newlines(text: bytes) -> npt.NDArray[np.bool_]:
    return np.equal(np.frombuffer(text, np.uint8), ord("\n"))


def pieces(files: Iterable[Member]) -> Iterator[Lines]:
    """The lines of all files in order, about PIECE bytes at a time."""
    gathered: list[Stretch] = []
    held = 0
    for file in files:
        for stretch in _stretches(file):
            gathered.append(stretch)
            held += len(stretch.text)
            if held >= PIECE // 2:
                yield Lines(tuple(gathered))
                gathered, held = [], 0
    if gathered:
        yield Lines(tuple(gathered))


def _stretches(file: Member) -> Iterator[Stretch]:
    line, rest = 1, file.read(len(BOM)).removeprefix(BOM)
    while block := file.read(PIECE):
        cut = block.rfind(b"\n") + 1
        if cut:
            text = b"".join((rest, memoryview(block)[:cut]))
            yield Stretch(file.name, line, text)
            line += int(np.count_nonzero(_newlines(text)))
            rest = block[cut:]
        elif len(rest) > LONGEST_LINE:
            raise SourceError(f"{file.place}:{line}: a line of {len(rest):,} bytes and more; it is no file of ratings")
        else:
            rest += block
    if rest:
        ended = rest.endswith(b"\n")
        yield Stretch(file.name, line, rest + b"\n" * (not ended), ended)
    elif line == 1:
        raise SourceError(f"{file.place}: the file is empty; copy or download it again")


@dataclass(frozen=True)
class Record:
    """One row of a csv file, which may stand on several lines; `text` is what stands there."""

    line: int
    text: str
    cells: tuple[str, ...]


def records(file: str, text: str) -> Iterator[Record]:
    """The rows of a csv file with quotes; for files that fit in memory many times over."""
    lines = io.StringIO(text, newline="").readlines()
    rows = csv.reader(lines)
    before = 0
    try:
        for cells in rows:
            if cells:
                yield Record(before + 1, "".join(lines[before : rows.line_num]).strip(), tuple(cells))
            before = rows.line_num
    except csv.Error as error:
        raise SourceError(
            f"{file}:{before + 1}: no csv from here on ({error}); look for a quote without its pair"
        ) from error


def decoded(text: bytes) -> str:
    """UTF-8 where it is, with or without a byte order mark, else Latin-1, in which any bytes are text."""
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        return text.decode("latin-1")
