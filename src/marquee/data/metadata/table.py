"""The one shape in which every catalogue's metadata is handed on, and how its raw text becomes it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from marquee.tables import TITLES

# What a catalogue may know of a title beyond its name; the names of the columns are those of the titles table.
KNOWN = tuple(column for column in TITLES.columns if column not in ("title_id", "name"))
NAMES = {"key": pl.Int64(), "name": pl.String(), "year": pl.Int16(), "kind": pl.String(), "votes": pl.Float64()}
DETAILS = {"key": pl.Int64(), **{column: TITLES.columns[column] for column in KNOWN}}


@dataclass(frozen=True)
class Metadata:
    """One catalogue: the names of all its titles, and what it knows of those that are asked for by key."""

    source: str
    names: pl.DataFrame
    details: Callable[[pl.Series], pl.DataFrame]


def details_of(rows: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    """Rows with a key and any of the KNOWN columns, each key once."""
    empty: dict[str, object] = {column: [] if isinstance(kind, pl.List) else None for column, kind in DETAILS.items()}
    return pl.DataFrame([{**empty, **row} for row in rows], schema=DETAILS, orient="row").unique(
        "key", keep="first", maintain_order=True
    )


def listed(text: str) -> list[str]:
    """The parts of "Comedy, Drama"."""
    return [part.strip() for part in text.split(",") if part.strip()]
