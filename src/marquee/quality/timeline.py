"""The timeline: what the monitor found and did, one line a look, in a file that is read from its end."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from marquee.quality.drift import Column

FILE = "monitor.jsonl"  # in the state folder
_READ_BYTES = 4_000_000  # some weeks of looks


@dataclass(frozen=True)
class Look:
    at: datetime
    champion: str
    columns: tuple[Column, ...]  # none where the champion came without a reference
    taken: str | None  # how much of what is shown is taken, beside the version before
    act: str
    acted: bool
    why: str
    page: str | None  # where Evidently's page lies


def add(look: Look, folder: Path) -> None:
    """On a line of its own, whatever became of the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    told = json.dumps({**asdict(look), "at": look.at.isoformat()}).encode()
    with (folder / FILE).open("a+b") as file:
        if file.seek(0, 2):
            file.seek(-1, 2)
            told = told if file.read(1) == b"\n" else b"\n" + told
        file.write(told + b"\n")


def looks(folder: Path, most: int) -> tuple[Look, ...]:
    """The newest first; none where nobody looked yet. A line that was not written to its end is left out."""
    try:
        with (folder / FILE).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - _READ_BYTES, 0))
            lines = file.read().splitlines()
    except FileNotFoundError:
        return ()
    whole = lines[1:] if size > _READ_BYTES else lines
    return tuple(islice(_looks(whole[::-1]), most))


def _looks(lines: Sequence[bytes]) -> Iterator[Look]:
    for line in lines:
        try:
            told = json.loads(line)
            columns = tuple(Column(**column) for column in told["columns"])
            yield Look(**{**told, "at": datetime.fromisoformat(told["at"]), "columns": columns})
        except (ValueError, TypeError, KeyError):
            continue
