"""The timeline: what the monitor found and did, one line a look, in a file that is read from its end."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

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
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps({**asdict(look), "at": look.at.isoformat()}) + "\n")


def looks(folder: Path, most: int) -> tuple[Look, ...]:
    """The newest first; none where nobody looked yet."""
    try:
        with (folder / FILE).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - _READ_BYTES, 0))
            lines = file.read().splitlines()
    except FileNotFoundError:
        return ()
    whole = lines[1:] if size > _READ_BYTES else lines
    return tuple(_look(json.loads(line)) for line in reversed(whole[-most:]))


def _look(told: Mapping[str, Any]) -> Look:
    columns = tuple(Column(**column) for column in told["columns"])
    return Look(**{**told, "at": datetime.fromisoformat(told["at"]), "columns": columns})
