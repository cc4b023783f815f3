"""The viewers of the demo world: who likes what and how that drifts, how much they rate, and who is a bot.

A new trait of viewers is a column of Viewers and a line in `draw_viewers`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marquee.data.demo_world.catalogue import DAYS
from marquee.data.demo_world.people import TROUPES
from marquee.data.demo_world.tastes import ERAS, Doubles, Floats, Ints
from marquee.data.demo_world.words import Words
from marquee.errors import ParamsError
from marquee.params import DemoWorldParams

_NEWCOMERS_SHARE, _BOTS_SHARE, _STAYING_SHARE = 0.02, 0.001, 0.6
_SPREAD_OF_ACTIVITY = 1.247  # of a log-normal with the Prize's median of 96 and mean of 209 ratings a viewer
_MOST_ACTIVE = 0.95  # share of the titles that one viewer may rate
_LOVES = (3, 1, 3)  # genres, eras, troupes
_ID_SPREAD = 2_649_429 / 480_189  # ids reach so many times the number of viewers
_PROBE = 3  # last ratings of a viewer that probe.txt lists, unless there are too few; twice as many are withheld
MOST_WITHHELD = 2 * _PROBE


@dataclass(frozen=True)
class Viewers:
    """One row a viewer; days count from the world's first, and tastes drift evenly from `joined` to its last."""

    user_ids: Ints
    ratings: Ints  # in the training files: none for newcomers, who only come after the ratings end
    probe: Ints
    bots: NDArray[np.bool_]
    joined: Ints
    left: Ints
    start: Floats
    end: Floats
    bias: Floats  # stars above the mean: when joined, and on the last day
    faithful: Floats  # how surely they go on with the next part

    @property
    def withheld(self) -> Ints:
        return 2 * self.probe

    def drifted(self, viewers: Ints, days: Ints) -> Floats:
        """How far these viewers are, on these days, on the way from their first taste to their last."""
        way = (days - self.joined[viewers]) / np.maximum(DAYS - self.joined[viewers], 1)
        return np.clip(way, 0, 1).astype(np.float32)


def draw_viewers(params: DemoWorldParams, words: Words, rng: np.random.Generator) -> Viewers:
    newcomers, bots = max(2, round(params.viewers * _NEWCOMERS_SHARE)), max(1, round(params.viewers * _BOTS_SHARE))
    count = params.viewers + newcomers
    order = rng.permutation(count)
    ratings = np.zeros(count, dtype=np.int64)
    ratings[order[newcomers:]] = _activity(params, bots, rng)
    is_bot = np.isin(np.arange(count), order[newcomers : newcomers + bots])
    joined = (DAYS * rng.random(count) ** 0.5).astype(np.int64)
    joined[is_bot] = rng.integers(DAYS - 300, DAYS - 30, bots)
    stays = np.where(rng.random(count) < _STAYING_SHARE, 1.0, rng.uniform(0.1, 1, count))
    start, fresh, drift = _tastes(count, words, rng), _tastes(count, words, rng), rng.beta(2, 3, (count, 1))
    end = ((1 - drift) * start + drift * fresh) / np.sqrt((1 - drift) ** 2 + drift**2)
    bias = rng.normal(0, 0.42, (count, 2))
    ids = rng.choice(round(_ID_SPREAD * params.viewers), count, replace=False)
    return Viewers(
        user_ids=np.sort(ids) + 1,
        ratings=ratings,
        probe=np.where(is_bot, 0, np.minimum(_PROBE, ratings // 8)),
        bots=is_bot,
        joined=joined,
        left=joined + np.ceil(stays * (DAYS - joined)).astype(np.int64),
        start=start,
        end=end.astype(np.float32),
        bias=np.column_stack([bias[:, 0], 0.9 * bias[:, 0] + 0.44 * bias[:, 1]]).astype(np.float32),
        faithful=rng.beta(5, 2, count).astype(np.float32),
    )


def _tastes(count: int, words: Words, rng: np.random.Generator) -> Floats:
    """Everybody has an opinion on every axis, and loves a few genres, troupes and an era."""
    axes = (len(words.genres), len(ERAS), TROUPES)
    opinions = rng.standard_normal((count, sum(axes) + len(words.moods)), dtype=np.float32)
    for end, size, loves in zip(np.cumsum(axes).tolist(), axes, _LOVES, strict=True):
        block = opinions[:, end - size : end]
        block *= 0.6
        for _ in range(loves):
            block[np.arange(count), rng.integers(size, size=count)] += np.float32(1.4)
        block -= block.mean(axis=1, keepdims=True)
    return opinions


def _activity(params: DemoWorldParams, bots: int, rng: np.random.Generator) -> Ints:
    """Ratings of each viewer, bots first: a log-normal, scaled so that they sum to what was asked for."""
    most = int(_MOST_ACTIVE * params.titles) - MOST_WITHHELD
    _check(params, most)
    counts = rng.lognormal(0, _SPREAD_OF_ACTIVITY, params.viewers)
    counts[:bots] = np.sort(counts)[-max(1, params.viewers // 50)]
    low, high = 0.0, float(params.ratings) / counts.min()
    for _ in range(80):
        scale = (low + high) / 2
        scaled = np.clip(scale * counts, 1, most)
        low, high = (low, scale) if scaled.sum() > params.ratings else (scale, high)
    return _rounded(scaled, params.ratings)


def _rounded(parts: Doubles, total: int) -> Ints:
    """Whole numbers that sum to the total, each next to its part."""
    whole = np.floor(parts).astype(np.int64)
    largest = np.argsort(whole - parts, kind="stable")[: total - whole.sum()]
    whole[largest] += 1
    return whole


def _check(params: DemoWorldParams, most: int) -> None:
    if params.ratings < params.viewers:
        raise ParamsError(
            f"demo_world.ratings is {params.ratings:,} for {params.viewers:,} viewers; "
            f"every viewer rates at least once: ask for {params.viewers:,} ratings or more"
        )
    fitting = params.viewers * min(params.titles // 2, most)
    if params.ratings > fitting:
        raise ParamsError(
            f"demo_world.ratings is {params.ratings:,}, but {params.viewers:,} viewers and {params.titles:,} titles "
            f"leave room for {fitting:,}; ask for fewer ratings, or for more viewers or titles"
        )
