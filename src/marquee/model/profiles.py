"""What is known of titles from how they were watched, as of the moment that training ends."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import Arrays

DAY_MS = 86_400_000
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

    def arrays(self) -> Arrays:
        names = ("share", "mean", "spread", "depth", "first_at", "last_at")
        return {**{name: getattr(self, name) for name in names}, "until": np.array(self.until)}

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        rest = {name: array for name, array in arrays.items() if name != "until"}
        return cls(until=int(arrays["until"]), **rest)


def profile_titles(histories: Histories, titles: int) -> TitleProfiles:
    title, count = histories.title, np.bincount(histories.title, minlength=titles)
    mean, spread = _stars(histories, titles)
    place = np.log2(1 + np.arange(len(title)) - histories.starts[:-1][histories.user])
    until = int(histories.at.max(initial=0))
    first = np.full(titles, until, np.int64)
    last = np.zeros(titles, np.int64)
    np.minimum.at(first, title, histories.at)
    np.maximum.at(last, title, histories.at)
    with np.errstate(invalid="ignore"):
        depth = np.bincount(title, place, titles) / count
    share = np.log10((count + 1) / (len(title) + 1))
    return TitleProfiles(share.astype(np.float32), mean, spread, depth.astype(np.float32), first, last, until)


def _stars(histories: Histories, titles: int) -> tuple[Floats, Floats]:
    rated = ~np.isnan(histories.rating)
    title, stars = histories.title[rated], histories.rating[rated].astype(np.float64)
    count = np.bincount(title, minlength=titles)
    overall = stars.mean() if len(stars) else np.nan
    mean = (np.bincount(title, stars, titles) + MEAN_SHRINKAGE * overall) / (count + MEAN_SHRINKAGE)
    variance = np.bincount(title, (stars - mean[title]) ** 2, titles) / np.maximum(count - 1, 1)
    spread = np.where(count > 1, np.sqrt(variance), np.nan)
    return mean.astype(np.float32), spread.astype(np.float32)
