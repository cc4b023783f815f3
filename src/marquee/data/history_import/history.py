"""What every export is read into: deeds of one viewer, about titles that are sought by name.

A reader of one row answers its deeds, or a Skip with the reason; for a row that cannot be read it raises ValueError.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marquee.tables import RATING_RANGE

Row = Mapping[str, Any]  # the cells of a line of csv, or one entry of JSON


@dataclass(frozen=True)
class Sought:
    """A title as the export names it. Of a series, `season` may name the season and `name` the whole."""

    name: str
    year: int | None = None
    kind: str | None = None
    season: str | None = None
    also: str | None = None

    @property
    def label(self) -> str:
        return self.name if self.year is None else f"{self.name} ({self.year})"


@dataclass(frozen=True)
class Deed:
    sought: Sought
    kind: str
    at: datetime
    value: float | None = None


@dataclass(frozen=True)
class Skip:
    reason: str


@dataclass(frozen=True)
class Malformed:
    line: int
    reason: str
    text: str


ReadRow = Callable[[Row], list[Deed] | Skip]


@dataclass(frozen=True)
class History:
    """An export, read: the deeds of its lines (or entries), and what was left out of them, and why."""

    format: str
    source: str
    assumes: str
    deeds: Mapping[int, list[Deed]]
    skipped: Mapping[str, int]
    malformed: tuple[Malformed, ...]


def name_of(value: object) -> str:
    """Tidy, and in characters that a table can hold."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("no title")
    return " ".join(value.encode("utf-8", "replace").decode().split())


def year_of(value: object) -> int | None:
    """None where nothing is told."""
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or not 1870 <= int(text) <= 2200:
        raise ValueError("the year is no year")
    return int(text)


def moment_of(value: object) -> datetime:
    """A day or a moment in ISO 8601; without a zone it is UTC, and a day is its midnight."""
    try:
        when = datetime.fromisoformat(str(value).strip())
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("the date is unreadable") from None


def stars_of(value: object, best: int) -> float:
    """Stars from 0.5 to 5, from a scale that ends at `best`."""
    try:
        stars = float(str(value)) * RATING_RANGE[1] / best
    except ValueError:
        raise ValueError("the rating is no number") from None
    low, high = RATING_RANGE
    if not low <= stars <= high:
        raise ValueError(f"the rating is not from {low * best / high:g} to {best}")
    return stars
