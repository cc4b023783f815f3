"""The tables that pass between rooms, and the check that a frame is one.

`user_id` and `title_id` are ids from outside: the readers and the event store take whole numbers from 1 to ID_LIMIT,
the readers keep them in the smallest unsigned type that holds them. Model and lists take any that fit into 64 bits.
A new column is one line here; readers, stages and tests see it at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from marquee.errors import TableError

ID_TYPES = (pl.UInt16, pl.UInt32, pl.UInt64, pl.Int64)
ID_LIMIT = 2**63 - 1  # what both databases of the event store hold
WHEN = pl.Datetime("ms", "UTC")
RATING_RANGE = (0.5, 5.0)

KINDS_OF_TITLE = ("movie", "series")

# The closed set of what a viewer can do; the event store refuses any other.
KINDS_OF_EVENT = (
    "watch_started",
    "watch_progress",
    "watch_finished",
    "paused",
    "rewound",
    "rewatched",
    "abandoned",
    "rated",
    "liked",
    "disliked",
    "not_interested",
    "saved",
    "searched",
    "opened",
    "shown",
    "signed_up",
)

Allowed = Any  # a polars type, or a tuple of those that may stand for one another


@dataclass(frozen=True)
class Table:
    name: str
    columns: Mapping[str, Allowed]
    sorted_by: tuple[str, ...]
    nullable: frozenset[str] = frozenset()

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The same frame, if it is this table; else TableError with every difference."""
        wrong = [*self._differences(frame.schema), *self._nulls(frame)]
        if not wrong and not frame.select(pl.struct(self.sorted_by)).to_series().is_sorted():
            wrong = [f"rows are not sorted by {', '.join(self.sorted_by)}"]
        if wrong:
            raise TableError(f"{self.name}: {'; '.join(wrong)}; it needs {', '.join(self.columns)}")
        return frame

    def complete(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with the columns that it lacks added as not known, in this table's order and sorting."""
        absent = [self._not_known(name) for name in self.columns if name not in frame.columns]
        return frame.with_columns(absent).select(*self.columns).sort(self.sorted_by)

    def _not_known(self, name: str) -> pl.Expr:
        kind = self.columns[name]
        return pl.lit([] if isinstance(kind, pl.List) else None, dtype=kind).alias(name)

    def _differences(self, schema: Mapping[str, Any]) -> list[str]:
        missing = [f"no column {name}" for name in self.columns if name not in schema]
        unknown = [f"unknown column {name}" for name in schema if name not in self.columns]
        types = [
            f"column {name} is {schema[name]}, not {_types(allowed)}"
            for name, allowed in self.columns.items()
            if name in schema and schema[name] not in _as_tuple(allowed)
        ]
        return missing + unknown + types

    def _nulls(self, frame: pl.DataFrame) -> list[str]:
        full = [name for name in self.columns if name in frame.columns and name not in self.nullable]
        return [f"column {name} has {n} nulls" for name in full if (n := frame[name].null_count())]


def smallest_id_type(largest: int) -> pl.DataType:
    """The smallest unsigned one of ID_TYPES that holds ids up to `largest`."""
    bits = ((16, pl.UInt16()), (32, pl.UInt32()))
    return next((kind for size, kind in bits if largest < 2**size), pl.UInt64())


def _as_tuple(allowed: Allowed) -> Sequence[Any]:
    return allowed if isinstance(allowed, tuple) else (allowed,)


def _types(allowed: Allowed) -> str:
    return " or ".join(str(kind) for kind in _as_tuple(allowed))


# An empty list or a null says "not known": the metadata named none.
TITLES = Table(
    "titles",
    {
        "title_id": ID_TYPES,
        "name": pl.String(),
        "year": pl.Int16(),
        "kind": pl.String(),
        "genres": pl.List(pl.String()),
        "cast": pl.List(pl.String()),
        "directors": pl.List(pl.String()),
        "countries": pl.List(pl.String()),
        "keywords": pl.List(pl.String()),
        "maturity": pl.String(),
        "description": pl.String(),
        "regions": pl.List(pl.String()),  # where alone it may be shown; of an empty list: anywhere
        "artwork": pl.String(),  # a picture's address, or two colours to draw a poster with: "#1b2a41 #e0a458"
    },
    sorted_by=("title_id",),
    nullable=frozenset({"year", "kind", "maturity", "description", "artwork"}),
)

RATINGS = Table(
    "ratings",
    {"user_id": ID_TYPES, "title_id": ID_TYPES, "rating": pl.Float32(), "rated_at": WHEN},
    sorted_by=("user_id", "rated_at"),
)

EVENTS = Table(
    "events",
    {
        "position": pl.Int64(),  # the order in which the store accepted them
        "event_id": pl.String(),
        "user_id": pl.Int64(),
        "title_id": pl.Int64(),
        "kind": pl.String(),
        "value": pl.Float64(),
        "happened_at": WHEN,
        "recorded_at": WHEN,
        "source": pl.String(),
        "detail": pl.String(),
    },
    sorted_by=("position",),
    nullable=frozenset({"title_id", "value", "detail"}),
)

# What training sees: one row a viewer and title, made from ratings and events by params.yaml's table of signals.
INTERACTIONS = Table(
    "interactions",
    {
        "user_id": ID_TYPES,
        "title_id": ID_TYPES,
        "strength": pl.Float32(),  # how sure that the viewer wants such titles; below 0: does not
        "rating": pl.Float32(),
        "label": pl.Float32(),  # the grade a ranker should learn for it
        "hides": pl.Boolean(),  # seen or refused
        "at": WHEN,
        "known_at": WHEN,  # when we learnt it; the past is what was known by then
    },
    sorted_by=("user_id", "at"),
    nullable=frozenset({"rating"}),
)

# Optional: what a viewer told of themselves. Ages are groups in rising order.
AGE_GROUPS = ("under 18", "18-24", "25-34", "35-44", "45-49", "50-55", "56+")
GENDERS = ("female", "male", "other")
VIEWERS = Table(
    "viewers",
    {"user_id": ID_TYPES, "age_group": pl.String(), "gender": pl.String(), "region": pl.String()},
    sorted_by=("user_id",),
    nullable=frozenset({"age_group", "gender", "region"}),
)

LISTS = Table(
    "lists",
    {"user_id": ID_TYPES, "title_id": ID_TYPES, "rank": pl.UInt32(), "score": pl.Float32()},
    sorted_by=("user_id", "rank"),
)
