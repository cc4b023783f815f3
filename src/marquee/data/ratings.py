"""Any reader's chunks become ratings.parquet: checked, every pair of viewer and title once, sorted.

The checks that all sources share stand here: a new one is one line in `_faults`. A rating is held in memory once, in
some 26 bytes, until it is written.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.io.plugins import register_io_source

from marquee.data.ahead import ahead
from marquee.data.rejects import DUPLICATE, Rejects
from marquee.errors import SourceError
from marquee.progress import progress
from marquee.tables import ID_LIMIT, RATING_RANGE, RATINGS, smallest_id_type

OUT_OF_RANGE = "rating out of range"
ID_OUT_OF_RANGE = "id out of range"
UNKNOWN_TITLE = "unknown title"
IN_THE_FUTURE = "date in the future"

# As many ratings are sorted at a time: they fit in the processor's cache, and make one row group of Parquet.
ROWS = 1 << 20
_SAMPLED = 1 << 8  # one viewer in so many is looked at to cut all ratings into shares of about ROWS

Key = npt.NDArray[Any]
Positions = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class RatingsSummary:
    lines: int
    ratings: int
    users: int
    titles: int
    rejected: Mapping[str, int]
    first: datetime | None
    last: datetime | None


def write_ratings(
    chunks: Iterable[pl.DataFrame], titles: pl.DataFrame, out: Path, rejects: Rejects, now: datetime
) -> RatingsSummary:
    """The table at `out`, whole or not at all; what is not kept goes to the rejects."""
    before = rejects.counts.copy()
    runs = list(sound(chunks, titles, rejects, now))
    users = smallest_id_type(max((run["user_id"][-1] for run in runs if run.height), default=0))
    tallies: list[_Tally] = []

    def shares() -> Iterator[pl.DataFrame]:
        for share in ahead(settled, _shares(runs)):
            rejects.add_frame(share.superseded)
            tallies.append(share.tally)
            yield share.ratings.cast({"user_id": users})

    _write(shares(), {**RATINGS.columns, "user_id": users, "title_id": titles["title_id"].dtype}, out)
    return _summary(tallies, rejects.counts - before)


def sound(
    chunks: Iterable[pl.DataFrame], titles: pl.DataFrame, rejects: Rejects, now: datetime
) -> Iterator[pl.DataFrame]:
    """The ratings of each chunk that stand, by viewer; the others go to the rejects."""
    read, before = 0, rejects.counts.copy()
    with progress("ratings") as advance:
        for run, faulty in ahead(partial(_checked, titles["title_id"], now), chunks):
            rejects.add_frame(faulty)
            read += run.height
            yield run
            advance(run.height)
    if not read and rejects.counts == before:
        raise SourceError("ratings: the source holds none; set source.path in params.yaml to where they lie")


def _faults(titles: pl.Series, now: datetime) -> Mapping[str, pl.Expr]:
    return {
        OUT_OF_RANGE: ~pl.col("rating").is_between(*RATING_RANGE),
        ID_OUT_OF_RANGE: ~pl.col("user_id").is_between(1, ID_LIMIT),
        UNKNOWN_TITLE: ~pl.col("title_id").cast(pl.UInt64).is_in(titles.cast(pl.UInt64).implode()),
        IN_THE_FUTURE: pl.col("rated_at") > now,
    }


def _checked(titles: pl.Series, now: datetime, chunk: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The ratings of a chunk that stand, by viewer, and those that do not."""
    faults = _faults(titles, now)
    faulty = chunk.select(pl.any_horizontal(*faults.values())).to_series()
    reason = pl.coalesce(*(pl.when(fault).then(pl.lit(reason)) for reason, fault in faults.items()))
    sound = chunk.filter(~faulty).with_columns(pl.col("title_id").cast(titles.dtype))
    order = _order(sound["user_id"].to_numpy())
    return sound.select(pl.all().gather(order)), _told(chunk.filter(faulty), reason)


def _told(ratings: pl.DataFrame, reason: pl.Expr) -> pl.DataFrame:
    """Ratings for the rejects; their text is what was read, with the title that Netflix's own lines leave out."""
    when = pl.col("rated_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    text = pl.concat_str("user_id", "title_id", "rating", when, separator=",")
    return ratings.select("file", "line", reason=reason, text=text)


def _shares(runs: Sequence[pl.DataFrame]) -> Iterator[list[pl.DataFrame]]:
    """All ratings of the first viewers, then of the next, about ROWS at a time, each in the order of their lines."""
    sample = np.sort(np.concatenate([run["user_id"].to_numpy()[::_SAMPLED] for run in runs] or [np.empty(0)]))
    bounds = np.unique(sample[:: ROWS // _SAMPLED])[1:]
    cuts = [[0, *np.searchsorted(run["user_id"].to_numpy(), bounds), run.height] for run in runs]
    for share in range(len(bounds) + 1):
        parts = [run[cut[share] : cut[share + 1]] for run, cut in zip(runs, cuts, strict=True)]
        if any(part.height for part in parts):
            yield parts


@dataclass(frozen=True)
class _Tally:
    ratings: int
    users: int
    titles: frozenset[int]
    first: datetime
    last: datetime


@dataclass(frozen=True)
class Settled:
    ratings: pl.DataFrame
    superseded: pl.DataFrame
    tally: _Tally


def settled(parts: Sequence[pl.DataFrame]) -> Settled:
    """Every pair of some viewers once, by viewer and moment; the parts are in the order of their lines."""
    share = pl.concat(parts, how="vertical_relaxed", rechunk=True)
    users, titles, times = (share[name].to_physical().to_numpy() for name in ("user_id", "title_id", "rated_at"))
    superseded = _superseded(users, titles, times)
    stands = np.ones(share.height, np.bool_)
    stands[superseded] = False
    order = _order(users, times)
    ratings = share.select(pl.col(*RATINGS.columns).gather(order[stands[order]]))
    return Settled(ratings, _told(share.select(pl.all().gather(superseded)), pl.lit(DUPLICATE)), _tally(ratings))


def _superseded(users: Key, titles: Key, times: Key) -> Positions:
    """All but the latest rating of a pair, and of equally late ones all but the later line."""
    if _all_differ(users, titles):
        return np.empty(0, np.uint32)
    order = _order(users, titles, times)
    return np.sort(order[:-1][_same_as_next(users[order]) & _same_as_next(titles[order])])


def _all_differ(users: Key, titles: Key) -> bool:
    """Whether no pair is there twice, in a fifth of the time that it takes to say which ones are."""
    # Should the bits not suffice, different pairs may look alike: then the slow way looks again.
    pairs = _above(users, _bits(titles)) | _above(titles, 0)
    pairs.sort()
    return not _same_as_next(pairs).any()


def _same_as_next(key: Key) -> npt.NDArray[np.bool_]:
    same: npt.NDArray[np.bool_] = key[:-1] == key[1:]
    return same


def _order(*keys: Key) -> Positions:
    """The positions that sort by the first key, then the next; equal ones stay as they came."""
    last, *before = reversed(keys)
    order = _order_of_one(last)
    for key in before:
        order = order[_order_of_one(key[order])]
    return order


def _order_of_one(key: Key) -> Positions:
    room = len(key).bit_length()
    if not room or _bits(key) + room > 64:
        return np.argsort(key, kind="stable").astype(np.uint32)
    # Whole numbers that carry their position along sort ten times as fast as an argsort.
    packed = _above(key, room) | np.arange(len(key), dtype=np.uint64)
    packed.sort()
    order: Positions = np.bitwise_and(packed, np.uint64((1 << room) - 1)).astype(np.uint32)
    return order


def _bits(key: Key) -> int:
    """How many hold every difference between two values of the key."""
    return (int(key.max()) - int(key.min())).bit_length() if len(key) else 0


def _above(key: Key, room: int) -> npt.NDArray[np.uint64]:
    """The key from 0, above so many bits of room."""
    raised: npt.NDArray[np.uint64] = (key - key.min()).astype(np.uint64) << np.uint64(room)
    return raised


def _tally(ratings: pl.DataFrame) -> _Tally:
    first, last = ratings.select(first=pl.col("rated_at").min(), last=pl.col("rated_at").max()).row(0)
    titles = frozenset(ratings["title_id"].unique())
    others = int(np.count_nonzero(~_same_as_next(ratings["user_id"].to_numpy())))
    return _Tally(ratings.height, others + 1, titles, first, last)


def _summary(tallies: Sequence[_Tally], rejected: Mapping[str, int]) -> RatingsSummary:
    ratings = sum(tally.ratings for tally in tallies)
    return RatingsSummary(
        lines=ratings + sum(rejected.values()),
        ratings=ratings,
        users=sum(tally.users for tally in tallies),
        titles=len(frozenset[int]().union(*(tally.titles for tally in tallies))),
        rejected=dict(rejected),
        first=min((tally.first for tally in tallies), default=None),
        last=max((tally.last for tally in tallies), default=None),
    )


def _write(ratings: Iterator[pl.DataFrame], schema: Mapping[str, Any], out: Path) -> None:
    with beside(out) as unfinished:
        register_io_source(lambda *_: ratings, schema=schema).sink_parquet(unfinished, row_group_size=ROWS)


@contextmanager
def beside(out: Path) -> Iterator[Path]:
    """Another name for a table, which takes its place when it is whole: a run that is killed leaves no half table.

    A table that a cluster made is a folder there, which no file can replace.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f"{out.name}.unfinished")
    try:
        yield unfinished
        if out.is_dir():
            shutil.rmtree(out)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
