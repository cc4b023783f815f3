"""A file that somebody uploads, as rows: csv or JSON, in UTF-8 or as older Windows programs write it."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from marquee.data.history_import.history import Malformed, Row
from marquee.errors import SourceError

# The second is Latin-1, with the quotes and dashes that Windows puts where Latin-1 has nothing to show.
_ENCODINGS = ("utf-8-sig", "cp1252")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True)
class Sheet:
    """The rows by line (of JSON: by entry), each with its text; `columns` is None for JSON."""

    columns: tuple[str, ...] | None
    rows: Mapping[int, Row]
    texts: Mapping[int, str]
    malformed: tuple[Malformed, ...]


def read_sheet(file: Path | bytes, size_limit: int) -> Sheet:
    text = _text(file, size_limit)
    if not text.strip():
        raise SourceError(f"{called(file)}: is empty; export it again")
    return _entries(file, text) if text.lstrip()[0] in "[{" else _table(file, text)


def called(file: Path | bytes) -> str:
    return "the history" if isinstance(file, bytes) else str(file)


def _text(file: Path | bytes, size_limit: int) -> str:
    data = _bytes(file, size_limit)
    if data.startswith(b"PK\x03\x04"):
        raise SourceError(f"{called(file)}: is a zip archive; unpack it and import the files inside one by one")
    for encoding in _ENCODINGS:
        with suppress(UnicodeDecodeError):
            text = data.decode(encoding)
            if not _CONTROL.search(text):
                return text
    raise SourceError(f"{called(file)}: is no text; import a csv or JSON file")


def _bytes(file: Path | bytes, size_limit: int) -> bytes:
    try:
        size = len(file) if isinstance(file, bytes) else file.stat().st_size
        if size > size_limit:
            raise SourceError(
                f"{called(file)}: {size:,} bytes are more than history_import.size_limit_bytes in params.yaml allows "
                f"({size_limit:,}); import it in parts"
            )
        return file if isinstance(file, bytes) else file.read_bytes()
    except OSError as error:
        raise SourceError(f"{called(file)}: cannot be read ({error.strerror}); name a csv or JSON file") from error


def _table(file: Path | bytes, text: str) -> Sheet:
    lines = list(io.StringIO(text, newline=""))
    rows, texts, malformed = {}, {}, []
    columns: tuple[str, ...] = ()
    for first, last, cells in _records(file, lines):
        raw = "".join(lines[first - 1 : last]).rstrip("\r\n")
        if not columns:
            columns = tuple(cell.strip() for cell in cells)
        elif len(cells) != len(columns):
            malformed.append(Malformed(first, f"{len(cells)} cells, not {len(columns)}", raw))
        else:
            rows[first] = dict(zip(columns, cells, strict=True))
            texts[first] = raw
    return Sheet(columns, rows, texts, tuple(malformed))


def _records(file: Path | bytes, lines: list[str]) -> Iterator[tuple[int, int, list[str]]]:
    """First line, last line, cells; a cell may go over several lines, and empty lines are no rows."""
    reader = csv.reader(lines)
    first = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield first, reader.line_num, cells
            first = reader.line_num + 1
    except csv.Error as error:
        raise SourceError(f"{called(file)}:{first}: {error}; a quote may be opened there and never closed") from error


def _entries(file: Path | bytes, text: str) -> Sheet:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{called(file)}: is no whole JSON ({error}); export it again") from error
    if not isinstance(entries, list):
        raise SourceError(f"{called(file)}: is no list of entries; import one of the files that Trakt exports")
    numbered = list(enumerate(entries, start=1))
    texts = {number: json.dumps(entry) for number, entry in numbered}
    wrong = (Malformed(number, "no entry", texts[number]) for number, entry in numbered if not isinstance(entry, dict))
    rows = {number: entry for number, entry in numbered if isinstance(entry, dict)}
    return Sheet(None, rows, texts, tuple(wrong))
