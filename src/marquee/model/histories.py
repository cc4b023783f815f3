"""Histories: what viewers did, as arrays. The one input of everything in model/.

One run of rows a viewer, oldest first. `user` and `title` are row numbers, in `user_ids` here and in `Titles.ids`;
a title that the model does not know is left out when the histories are made.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Protocol, Self, TypeVar, cast, overload

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.compiled import compiled
from marquee.tables import WHEN

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

ATTRIBUTES = ("age_group", "gender", "region")
FEW = 100_000  # rows, of which it is worth the memory to keep what was made of them
_ROWS = ("title", "strength", "rating", "label", "hides", "at", "known_at")


Value = TypeVar("Value")


class kept_of_few(cached_property[Value]):  # noqa: N801 - used as its parent is
    """Computed once; of many rows anew each time, because it would take as much memory as they do."""

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> Value: ...
    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> Self | Value:
        if instance is None:
            return self
        return super().__get__(instance, owner) if len(cast("Runs", instance).title) <= FEW else self.func(instance)


class Runs:
    """One run of rows a viewer: viewer u has the rows starts[u] to starts[u + 1]."""

    starts: Ints
    title: NDArray[Any]  # one a row

    @cached_property
    def counts(self) -> Ints:
        return self.starts[1:] - self.starts[:-1]

    @kept_of_few
    def user(self) -> Ints:
        """The viewer's row number of each row."""
        return np.repeat(np.arange(len(self.starts) - 1), self.counts)


class Deeds(Protocol):
    """What is asked of rows to say how much each of them counts."""

    @property
    def title(self) -> NDArray[np.int32]: ...

    @property
    def strength(self) -> Floats: ...

    @property
    def above_mean(self) -> Floats: ...

    @property
    def from_end(self) -> Ints: ...

    @property
    def wanted_after(self) -> Ints: ...

    def total(self, values: NDArray[Any]) -> NDArray[Any]:
        """Of each row, the sum of the values of all rows of its viewer."""
        ...


@dataclass(frozen=True, eq=False)
class Histories(Runs):
    user_ids: Ints  # one a viewer, rising
    starts: Ints
    title: NDArray[np.int32]
    strength: Floats  # how sure we are that the viewer wants such titles; below 0 that they do not
    rating: Floats  # stars, NaN where none were given
    label: Floats  # the grade a ranker should learn for it
    hides: Mask  # seen or refused: not to be recommended again
    at: Ints  # when it happened: milliseconds since 1970, UTC
    known_at: Ints  # when we learnt it
    attributes: Floats  # viewers x ATTRIBUTES, NaN where not known

    def __len__(self) -> int:
        return len(self.user_ids)

    @kept_of_few
    def from_end(self) -> Ints:
        """How many rows of the same viewer come after each row."""
        return np.repeat(self.starts[1:], self.counts) - 1 - np.arange(len(self.title))

    @kept_of_few
    def wanted_after(self) -> Ints:
        """How many wanted rows of the same viewer come after each row."""
        before = np.concatenate([[0], np.cumsum(self.strength > 0)])
        after: Ints = before[self.starts[1:]][self.user] - before[1:]
        return after

    def total(self, values: NDArray[Any]) -> NDArray[Any]:
        """Of each row, the sum of the values of all rows of its viewer."""
        total: NDArray[Any] = np.bincount(self.user, values, len(self))[self.user]
        return total

    @kept_of_few
    def above_mean(self) -> Floats:
        """How many stars each row has above its viewer's mean; 0 where none were given."""
        above = self.rating - self.mean_rating[self.user]
        return np.where(np.isnan(above), np.float32(0), above)

    @kept_of_few
    def mean_rating(self) -> Floats:
        """Each viewer's mean stars; NaN for a viewer who gave none."""
        means = np.full(len(self), np.nan, np.float32)
        _average(self.starts, self.rating, means)
        return means

    @kept_of_few
    def rated(self) -> "Histories":
        """The same viewers with only the rows that have stars."""
        return self.where(~np.isnan(self.rating))

    @kept_of_few
    def last_at(self) -> Ints:
        """The moment of each viewer's last row; 0 for a viewer without a row."""
        return np.where(self.counts > 0, np.append(self.at, 0)[self.starts[1:] - 1], 0)

    @property
    def first_at(self) -> Ints:
        """The moment of each viewer's first row; 0 for a viewer without a row."""
        return np.where(self.counts > 0, np.append(self.at, 0)[np.minimum(self.starts[:-1], len(self.at))], 0)

    def where(self, keep: Mask) -> "Histories":
        """The same viewers with only those rows; a viewer may be left with none."""
        starts = np.concatenate([[0], np.cumsum(keep, dtype=np.int64)])[self.starts]
        rows = {name: getattr(self, name)[keep] for name in _ROWS}
        return Histories(self.user_ids, starts, attributes=self.attributes, **rows)

    def of(self, users: Ints) -> "Histories":
        """Those viewers, by row number, in that order; a viewer may come more than once (with other rows hidden)."""
        counts = self.counts[users]
        starts = np.concatenate([[0], np.cumsum(counts)])
        take = np.arange(starts[-1]) + np.repeat(self.starts[:-1][users] - starts[:-1], counts)
        rows = {name: getattr(self, name)[take] for name in _ROWS}
        return Histories(self.user_ids[users], starts, attributes=self.attributes[users], **rows)

    def last(self, n: int) -> "Histories":
        """The same viewers with at most their last n rows."""
        return self.where(self.from_end < n)

    def matrix(self, values: NDArray[np.float32], titles: int) -> sp.csr_array:
        """Viewers x titles, with `values` (one a row) where a viewer has a row."""
        return sp.csr_array((values, self.title, self.starts), shape=(len(self), titles))

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@compiled
def _average(starts: Ints, values: Floats, means: Floats) -> None:
    """Of each viewer's values that are known; a viewer without any is left out."""
    for viewer in range(len(means)):
        total, count = 0.0, 0
        for row in range(starts[viewer], starts[viewer + 1]):
            if not np.isnan(values[row]):
                total += values[row]
                count += 1
        if count:
            means[viewer] = total / count


def rows_of(ids: Ints, wanted: Ints) -> Ints:
    """The row number of each wanted id among rising ids, one at least; -1 for one that is not there."""
    place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[place] == wanted, place, -1)


def no_histories() -> Histories:
    """Of nobody."""
    row = pl.Schema(
        {"user_id": pl.Int64(), "title_id": pl.Int64(), "at": WHEN, "known_at": WHEN, "hides": pl.Boolean()}
    )
    floats = pl.Schema({name: pl.Float32() for name in ("strength", "rating", "label")})
    return histories_of(pl.DataFrame(schema={**row, **floats}), np.empty(0, np.int64))


def histories_of(interactions: pl.DataFrame, title_ids: Ints) -> Histories:
    """The histories in a table of interactions; rows of titles that are not among `title_ids` are left out.

    What happened at the same moment stays in the order of the table.
    A viewer whose every row is left out stays, with an empty history.
    """
    rows = interactions if _in_order(interactions) else interactions.sort("user_id", "at", maintain_order=True)
    runs = rows["user_id"].cast(pl.Int64).rle().struct
    starts = np.concatenate([[0], np.cumsum(runs.field("len").to_numpy())]).astype(np.int64)
    title_id = rows["title_id"].to_numpy().astype(np.int64, copy=False)
    title = np.searchsorted(title_ids, title_id).astype(np.int32)
    known = (title < len(title_ids)) & (np.append(title_ids, 0)[title] == title_id)
    if not known.all():
        rows, title, starts = rows.filter(known), title[known], np.concatenate([[0], np.cumsum(known)])[starts]
    floats = {
        name: rows[name].cast(pl.Float32).fill_null(np.nan).to_numpy(writable=True)
        for name in ("strength", "rating", "label")
    }
    when = {name: rows[name].dt.epoch("ms").to_numpy(writable=True) for name in ("at", "known_at")}
    hides, user_ids = rows["hides"].to_numpy(writable=True), runs.field("value").to_numpy(writable=True)
    nobody = np.full((len(user_ids), len(ATTRIBUTES)), np.nan, np.float32)
    return Histories(user_ids, starts, title, hides=hides, attributes=nobody, **when, **floats)


def _in_order(interactions: pl.DataFrame) -> bool:
    """Whether each viewer's rows stand together, oldest first, and viewers by their ids."""
    user, at = interactions["user_id"].to_numpy(), interactions["at"].to_numpy()
    later = (user[1:] > user[:-1]) | ((user[1:] == user[:-1]) & (at[1:] >= at[:-1]))
    return bool(later.all())
