"""Split: what counts as the past. Cuts a table of interactions into what is trained on, what a viewer had done when
they asked, and what they did next. Every protocol of measurement is one function here and one name in CUTS.

Positions count every row of a viewer, oldest first; only rows with a label above 0 are wanted, and stand in `test`. A
row in the tested stretch that nobody wanted is set aside: it is neither past nor answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from marquee.model.histories import Ints, Mask
from marquee.tables import INTERACTIONS

TESTED = 0.2  # the last fifth
STRANGE_ONE_IN = 10
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Cut:
    """Three tables of INTERACTIONS."""

    name: str
    train: pl.DataFrame  # what the model may know
    histories: pl.DataFrame  # what viewers had done when they asked: lists are made from it
    test: pl.DataFrame  # what they wanted next

    @property
    def is_asked(self) -> bool:
        """Whether anybody who is tested has a past: lists of strangers alone are one list."""
        return self.test["user_id"].is_in(self.histories["user_id"].implode()).any()


def last_one(interactions: pl.DataFrame) -> Cut:
    """Each viewer's last row is the test; nobody is tested on their only one."""
    rows = _Rows.of(interactions)
    return _two_parts("last_one", interactions, rows.last)


def last_fifth(interactions: pl.DataFrame) -> Cut:
    """Each viewer's last 20 % in time is the test."""
    return _two_parts("last_fifth", interactions, _Rows.of(interactions).in_last_fifth)


def by_time(interactions: pl.DataFrame) -> Cut:
    """One moment for everybody: the last 20 % of all rows is the test, the past is what was known by that moment."""
    rows = _Rows.of(interactions)
    train = interactions.filter(rows.known_by_the_moment)
    return Cut("by_time", train, train, _wanted(interactions.filter(rows.late)))


def live(interactions: pl.DataFrame) -> Cut:
    """What a service does: the model knows what was known by the moment, histories are up to date.

    The test is the last row of each viewer who came after the moment.
    """
    rows = _Rows.of(interactions)
    wanted = rows.late & rows.last & (interactions["label"].to_numpy() > 0)
    of_asked = np.repeat(wanted[rows.ends], rows.counts)
    known_when_asked = rows.known_at <= np.repeat(rows.at[rows.ends], rows.counts)
    histories = interactions.filter(of_asked & ~wanted & known_when_asked)
    return Cut("live", interactions.filter(rows.known_by_the_moment), histories, interactions.filter(wanted))


def strangers(interactions: pl.DataFrame, seed: int) -> Cut:
    """Every tenth viewer is unknown to the model; their first four fifths are handed over, the rest is the test."""
    rows = _Rows.of(interactions)
    viewers = np.arange(len(rows.ends))
    chosen = np.random.default_rng(seed).choice(viewers, len(viewers) // STRANGE_ONE_IN, replace=False)
    strange = np.repeat(np.isin(viewers, chosen), rows.counts)
    return Cut(
        "strangers",
        interactions.filter(~strange),
        interactions.filter(strange & ~rows.in_last_fifth),
        _wanted(interactions.filter(strange & rows.in_last_fifth)),
    )


_UNSEEDED: Mapping[str, Callable[[pl.DataFrame], Cut]] = {
    "last_one": last_one,
    "last_fifth": last_fifth,
    "by_time": by_time,
    "live": live,
}
SAME_PAST: Mapping[str, str] = {"live": "by_time"}


def cut(interactions: pl.DataFrame, name: str, seed: int) -> Cut:
    """One of CUTS by its name."""
    return strangers(interactions, seed) if name == "strangers" else _UNSEEDED[name](interactions)


def some_of(cut: Cut, viewers: int, seed: int) -> Cut:
    """The same past, with at most so many viewers who are asked about, drawn at random."""
    asked = some_viewers(cut.test["user_id"], viewers, seed)
    theirs = pl.col("user_id").is_in(asked.implode())
    return Cut(cut.name, cut.train, cut.histories.filter(theirs), cut.test.filter(theirs))


def some_viewers(user_ids: pl.Series, most: int, seed: int) -> pl.Series:
    """At most so many of these, rising, drawn at random."""
    ids = user_ids.unique().sort()
    if len(ids) <= most:
        return ids
    return ids.gather(np.sort(np.random.default_rng(seed).choice(len(ids), most, replace=False)))


def _two_parts(name: str, interactions: pl.DataFrame, test: Mask) -> Cut:
    train = interactions.filter(~test)
    return Cut(name, train, train, _wanted(interactions.filter(test)))


def _wanted(test: pl.DataFrame) -> pl.DataFrame:
    return test.filter(pl.col("label") > 0)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Where each row stands among its viewer's rows and in time."""

    counts: Ints  # rows of each viewer
    at: Ints
    known_at: Ints

    @classmethod
    def of(cls, interactions: pl.DataFrame) -> "_Rows":
        INTERACTIONS.check(interactions)
        counts = interactions["user_id"].rle().struct.field("len").to_numpy().astype(np.int64)
        at, known_at = (interactions[name].dt.epoch("ms").to_numpy() for name in ("at", "known_at"))
        return cls(counts, at, known_at)

    @property
    def ends(self) -> Ints:
        """The last row of each viewer."""
        return np.cumsum(self.counts) - 1

    @property
    def from_end(self) -> Ints:
        return np.repeat(self.ends, self.counts) - np.arange(len(self.at))

    @property
    def last(self) -> Mask:
        """The last row of each viewer who has more than one."""
        last = np.zeros(len(self.at), np.bool_)
        last[self.ends[self.counts > 1]] = True
        return last

    @property
    def in_last_fifth(self) -> Mask:
        return self.from_end < np.repeat((self.counts * TESTED).astype(np.int64), self.counts)

    @property
    def moment(self) -> int:
        """Four fifths of all rows are from up to then."""
        return int(np.quantile(self.at, 1 - TESTED, method="lower")) if len(self.at) else 0

    @property
    def late(self) -> Mask:
        return self.at > self.moment

    @property
    def known_by_the_moment(self) -> Mask:
        # What happened before and was recorded after is neither past nor test: nobody knew it, nobody wants it again.
        return ~self.late & (self.known_at <= self.moment)
