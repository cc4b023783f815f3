"""What is known of titles from how they were watched, as of the moment that training ends."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import Arrays

DAY_MS = 86_400_000
YEAR_MS = 365.25 * DAY_MS
_NEVER = np.iinfo(np.int64).max
MEAN_SHRINKAGE = 10.0  # ratings at the overall mean that every title is given, so that few do not decide


@dataclass(frozen=True, eq=False)
class TitleProfiles:
    share: Floats  # log10 of its share of all that was watched, with one added; no matter how long histories are
    mean: Floats  # stars, shrunk to the mean of all
    spread: Floats  # of its stars
    depth: Floats  # mean log2 of its place in the histories: early or late in a viewer's life
    first_at: Ints
    last_at: Ints
    until: int  # the latest moment that training saw

    @cached_property
    def first_seen(self) -> Floats:
        """In years since 1970."""
        return (self.first_at / YEAR_MS).astype(np.float32)

    @cached_property
    def last_seen(self) -> Floats:
        return (self.last_at / YEAR_MS).astype(np.float32)

    def arrays(self) -> Arrays:
        names = ("share", "mean", "spread", "depth", "first_at", "last_at")
        return {**{name: getattr(self, name) for name in names}, "until": np.array(self.until)}

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        rest = {name: array for name, array in arrays.items() if name != "until"}
        return cls(until=int(arrays["until"]), **rest)


@dataclass(frozen=True, eq=False)
class TitleSums:
    """What is added up over histories, one a title: of two groups of viewers, the sums of both."""

    rows: Ints
    rated: Ints
    stars: NDArray[np.float64]
    squares: NDArray[np.float64]  # of the stars
    depth: NDArray[np.float64]  # log2 of its places
    first_at: Ints  # _NEVER of a title without a row
    last_at: Ints


def profile_titles(histories: Histories, titles: int) -> TitleProfiles:
    return profiles_of(sums_of_titles(histories, titles))


def sums_of_titles(histories: Histories, titles: int) -> TitleSums:
    title, rated = histories.title, ~np.isnan(histories.rating)
    stars = histories.rating[rated].astype(np.float64)
    place = np.log2(1 + np.arange(len(title)) - histories.starts[:-1][histories.user])
    first, last = np.full(titles, _NEVER, np.int64), np.zeros(titles, np.int64)
    np.minimum.at(first, title, histories.at)
    np.maximum.at(last, title, histories.at)
    return TitleSums(
        rows=np.bincount(title, minlength=titles),
        rated=np.bincount(title[rated], minlength=titles),
        stars=np.asarray(np.bincount(title[rated], stars, titles), np.float64),
        squares=np.asarray(np.bincount(title[rated], stars**2, titles), np.float64),
        depth=np.asarray(np.bincount(title, place, titles), np.float64),
        first_at=first,
        last_at=last,
    )


def profiles_of(sums: TitleSums) -> TitleProfiles:
    mean, spread = _stars(sums)
    until = int(sums.last_at.max(initial=0))
    with np.errstate(invalid="ignore"):
        depth = sums.depth / sums.rows
    share = np.log10((sums.rows + 1) / (sums.rows.sum() + 1))
    first = np.minimum(sums.first_at, until)
    return TitleProfiles(share.astype(np.float32), mean, spread, depth.astype(np.float32), first, sums.last_at, until)


def _stars(sums: TitleSums) -> tuple[Floats, Floats]:
    count, rated = sums.rated, sums.rated.sum()
    overall = sums.stars.sum() / rated if rated else np.nan
    mean = (sums.stars + MEAN_SHRINKAGE * overall) / (count + MEAN_SHRINKAGE)
    around = sums.squares - 2 * mean * sums.stars + count * mean**2
    variance = np.maximum(around, 0) / np.maximum(count - 1, 1)
    spread = np.where(count > 1, np.sqrt(variance), np.nan)
    return mean.astype(np.float32), spread.astype(np.float32)
