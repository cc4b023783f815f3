"""What everybody watches: ever (`popular`), and lately (`trending`). What a stranger is answered with.

Scores are logarithms of how many of all that was watched, so that they mean the same in a smaller past: fewer viewers,
or as many with shorter histories. By genre, ask `gather` with the titles that are allowed.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from marquee.model.histories import ATTRIBUTES, Floats, Histories, Ints
from marquee.model.profiles import DAY_MS
from marquee.model.sources import Arrays, Shared, in_order
from marquee.model.sources.adding import Places, sums_of
from marquee.params import PopularParams, TrendingParams

_REGION = ATTRIBUTES.index("region")
_AMONG = 1_000_000.0  # titles watched, by whomever
_BINS_A_SPAN = 4  # how finely `trending` knows the time, in parts of its span
_SPANS = 7  # after so many spans a thousandth is left of an event


@dataclass(frozen=True, eq=False)
class Popular:
    """Has an opinion of every title: one that nobody wanted scores 0."""

    name: ClassVar[str] = "popular"
    by_region: Floats  # first for viewers of no known region, then for region 0, 1, ...

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - what is popular stays so
        return self.shared(histories).scores

    def shared(self, histories: Histories) -> Shared:
        """By region; of one that is not known, as of no region."""
        row = 1 + histories.attributes[:, _REGION]
        return Shared(self.by_region, self._order, np.where(row < len(self.by_region), row, 0).astype(np.int64))

    @cached_property
    def _order(self) -> Places:
        return in_order(self.by_region)

    def arrays(self) -> Arrays:
        return {"by_region": self.by_region}

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        return cls(np.asarray(arrays["by_region"], np.float32))


@dataclass(frozen=True, eq=False)
class Trending:
    """How much each title was watched of late; what is older counts exponentially less."""

    name: ClassVar[str] = "trending"
    watched: sp.csr_array  # bins x titles, the latest bin first: how many viewers in that time
    until: int  # the latest moment it knows
    days: float  # the span in which what was watched fades to 1/e

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - the same for everybody
        return self.shared(as_of).scores

    def shared(self, as_of: Ints) -> Shared:
        """By the first bin that counts. After `until` everything fades alike, so the scores stay as they were then."""
        first_bin = np.minimum(-(-np.maximum(self.until - as_of, 0) // _bin_ms(self.days)), self.watched.shape[0])
        rows, order, made = self._known
        for first in set(first_bin.tolist()) - made:
            rows[first] = self._as_of(first)
            order[first] = in_order(rows[first])
            made.add(first)
        return Shared(rows, order, first_bin)

    @cached_property
    def _known(self) -> tuple[Floats, Places, set[int]]:
        """Scores and order as of each first bin that was asked for: there are few, each asked for over and over."""
        shape = (self.watched.shape[0] + 1, self.watched.shape[1])
        return np.empty(shape, np.float32), np.empty(shape, np.int32), set()

    def _as_of(self, first: int) -> Floats:
        last = min(first + _SPANS * _BINS_A_SPAN, self.watched.shape[0])
        fading = np.exp(-np.arange(last - first) / _BINS_A_SPAN).astype(np.float32)
        lately = sums_of(self.watched, np.array([0, last - first]), np.arange(first, last), fading)[0]
        scores = np.log1p(_AMONG * lately / np.maximum(lately.sum(), np.float32(1e-9)))
        return np.where(scores > 0, scores, np.float32(np.nan))

    def arrays(self) -> Arrays:
        watched = self.watched
        return {
            "data": watched.data,
            "indices": watched.indices,
            "indptr": watched.indptr,
            "titles": np.array(watched.shape[1]),
            "until": np.array(self.until),
            "days": np.array(self.days),
        }

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        watched = sp.csr_array(parts, shape=(len(arrays["indptr"]) - 1, int(arrays["titles"])))
        return cls(watched, int(arrays["until"]), float(arrays["days"]))


def fit_popular(histories: Histories, titles: int, params: PopularParams) -> Popular:
    """A region's viewers count beside `shrinkage` viewers who are as everybody: a small region hardly differs."""
    wanted = histories.strength > 0
    title, user = histories.title[wanted], histories.user[wanted]
    region = histories.attributes[:, _REGION]
    told = ~np.isnan(region)
    regions = int(region[told].max(initial=-1)) + 1
    code = np.where(told, region, regions).astype(np.int64)
    cells = code[user] * titles + title
    watched = np.bincount(cells, minlength=(regions + 1) * titles).reshape(-1, titles)
    return popular_of(watched, len(histories), params)


def popular_of(wanted: Ints, viewers: int, params: PopularParams) -> Popular:
    """Of how often each title was wanted in each region, last where none is known."""
    total = max(int(wanted.sum()), 1)
    overall, watched = wanted.sum(axis=0) / total, wanted[:-1]
    like_everybody = params.shrinkage * total / max(viewers, 1)
    shares = (watched + like_everybody * overall) / (watched.sum(axis=1, keepdims=True) + like_everybody)
    return Popular(np.log1p(_AMONG * np.vstack([overall, shares])).astype(np.float32))


def fit_trending(histories: Histories, titles: int, params: TrendingParams) -> Trending:
    """What was learnt late appears when it was learnt, faded by then: a moment of the past sees only what it knew."""
    until = last_wanted(histories)
    return Trending(watched_lately(histories, titles, until, params.days), until, params.days)


def last_wanted(histories: Histories) -> int:
    """The latest moment at which anything wanted was known of."""
    wanted = histories.strength > 0
    return int(np.maximum(histories.at, histories.known_at)[wanted].max(initial=0))


def watched_lately(histories: Histories, titles: int, until: int, days: float) -> sp.csr_array:
    """Bins x titles: how many viewers in that time, each faded until it was known of."""
    wanted = histories.where(histories.strength > 0)
    seen = np.maximum(wanted.at, wanted.known_at)
    bins = (until - seen) // _bin_ms(days)
    weights = np.exp((wanted.at - seen) / (days * DAY_MS))
    shape = (int(bins.max(initial=0)) + 1, titles)
    return sp.csr_array((weights.astype(np.float32), (bins, wanted.title)), shape=shape)


def _bin_ms(days: float) -> int:
    return max(int(days * DAY_MS / _BINS_A_SPAN), 1)
