"""How viewers choose: freely by taste and appeal, among new releases, and what a choice leads to.

A choice is one row of Choices; a new reason to watch something is a function that answers such rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marquee.data.demo_world.tastes import COMPANIONS, Floats, Ints, TitleTraits
from marquee.data.demo_world.viewers import Viewers

_STAGES = 3  # of a viewer's time, in each of which free choices follow one state of their taste
_RATINGS_A_SITTING = 12
_RELEASE_SHARE, _RELEASE_DAYS, _RELEASES_WEIGHED = 0.12, 90, 6
_COMPANION_SHARE = 0.3  # of the titles after which the viewer goes on to a companion
_LONGEST_CHAIN = 12
_RUN = 16  # titles
_REDRAWS = 3  # while what was drawn is not in the catalogue yet


@dataclass(frozen=True)
class Choices:
    """Watched titles, a row each; a chain is a free choice and what it led to."""

    viewer: Ints  # row within the block
    chain: Ints
    step: Ints
    title: Ints
    day: Ints

    def __len__(self) -> int:
        return len(self.viewer)

    def __getitem__(self, rows: NDArray[np.bool_] | Ints) -> "Choices":
        return Choices(self.viewer[rows], self.chain[rows], self.step[rows], self.title[rows], self.day[rows])

    @classmethod
    def together(cls, parts: list["Choices"]) -> "Choices":
        names = ("viewer", "chain", "step", "title", "day")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class Block:
    """Some viewers, and how drawn each of them is to every title."""

    def __init__(self, rows: Ints, viewers: Viewers, traits: TitleTraits, rng: np.random.Generator) -> None:
        self.rows, self.viewers, self.traits, self.rng = rows, viewers, traits, rng
        self.joined, self.left = viewers.joined[rows], viewers.left[rows]
        self.wanted = (viewers.ratings + viewers.withheld)[rows]
        self._start = viewers.start[rows] @ traits.vectors.T
        self._gained = viewers.end[rows] @ traits.vectors.T - self._start

    def affinity(self, drifted: float) -> Floats:
        """Of all of them to all titles, at that share of the way from their first taste to their last."""
        return np.asarray(self._start + np.float32(drifted) * self._gained)

    def drifted(self, viewer: Ints, day: Ints) -> Floats:
        return self.viewers.drifted(self.rows[viewer], day)

    def affinity_of(self, viewer: Ints, title: Ints, day: Ints) -> Floats:
        return np.asarray(self._start[viewer, title] + self.drifted(viewer, day) * self._gained[viewer, title])

    def random_days(self, viewer: Ints) -> Ints:
        span = self.left[viewer] - self.joined[viewer]
        return self.joined[viewer] + (self.rng.random(len(viewer)) * (span + 1)).astype(np.int64)


def choose(block: Block) -> Choices:
    """More than the viewers will rate: free choices on the days of their sittings, and all that follows from them."""
    drawn = np.ceil(1.15 * block.wanted).astype(np.int64) + 4
    viewer = np.repeat(np.arange(len(drawn)), drawn)
    day = _days_of_sittings(block, viewer)
    title = _with_releases(block, viewer, day, _free_titles(block, viewer, day))
    chain = np.arange(len(viewer)) - np.repeat(np.cumsum(drawn) - drawn, drawn)
    there = block.traits.arrival[title] <= day
    return _led_on(block, Choices(viewer, chain, np.zeros_like(chain), title, day)[there])


def _days_of_sittings(block: Block, viewer: Ints) -> Ints:
    """A viewer rates many on a day; most on the day of joining."""
    sittings = 1 + block.wanted // _RATINGS_A_SITTING
    firsts = np.cumsum(sittings) - sittings
    days = block.random_days(np.repeat(np.arange(len(sittings)), sittings))
    days[firsts] = block.joined
    sitting = sittings[viewer] * block.rng.random(len(viewer)) ** 1.25
    return np.asarray(days[firsts[viewer] + sitting.astype(np.int64)])


def _free_titles(block: Block, viewer: Ints, day: Ints) -> Ints:
    traits, rng = block.traits, block.rng
    title = np.zeros(len(viewer), dtype=np.int64)
    stages = np.minimum((_STAGES * block.drifted(viewer, day)).astype(np.int64), _STAGES - 1)
    pull = np.where(traits.part == 1, traits.appeal, np.float32(-np.inf))  # later parts are come to by the part before
    for stage in range(_STAGES):
        odds = _Odds(block.affinity((stage + 0.5) / _STAGES) + pull)
        rows = np.flatnonzero(stages == stage)
        for _ in range(_REDRAWS):
            title[rows] = odds.draw(viewer[rows], rng)
            rows = rows[traits.arrival[title[rows]] > day[rows]]
    return title


class _Odds:
    """The odds of all titles for some viewers.

    A draw finds a run of titles first and then the title in it: summing up all titles one by one, for a single search,
    costs a fifth of the whole world's time.
    """

    def __init__(self, logits: Floats) -> None:
        self._odds = np.exp(logits)
        runs = np.add.reduceat(self._odds, np.arange(0, logits.shape[1], _RUN), axis=1)
        self._runs = runs.shape[1]
        self._summed = np.cumsum(runs.ravel(), dtype=np.float64)
        self._bounds = np.concatenate([[0.0], self._summed[self._runs - 1 :: self._runs]])

    def draw(self, viewer: Ints, rng: np.random.Generator) -> Ints:
        """A title for each of these rows."""
        below = self._bounds[viewer]
        goal = below + (self._bounds[viewer + 1] - below) * rng.random(len(viewer))
        places = np.searchsorted(self._summed, goal, side="right") - viewer * self._runs
        titles = _RUN * np.clip(places, 0, self._runs - 1)[:, None] + np.arange(_RUN)
        last = self._odds.shape[1] - 1
        odds = np.where(titles <= last, self._odds[viewer[:, None], np.minimum(titles, last)], 0)
        summed = np.cumsum(odds, axis=1)
        passed = (summed <= summed[:, -1:] * rng.random((len(viewer), 1))).sum(axis=1)
        return np.asarray(titles[:, 0] + np.minimum(passed, _RUN - 1))


def _with_releases(block: Block, viewer: Ints, day: Ints, title: Ints) -> Ints:
    """Now and then a viewer looks at a few new releases and takes the one that fits best."""
    rows = np.flatnonzero(block.rng.random(len(viewer)) < _RELEASE_SHARE)
    looked_at = _releases(block.traits, day[rows], block.rng)
    rows, looked_at = rows[looked_at[:, 0] >= 0], looked_at[looked_at[:, 0] >= 0]
    pull = block.affinity_of(viewer[rows, None], looked_at, day[rows, None]) + block.rng.gumbel(size=looked_at.shape)
    found = title.copy()
    found[rows] = np.take_along_axis(looked_at, pull.argmax(axis=1)[:, None], axis=1)[:, 0]
    return found


def _releases(traits: TitleTraits, day: Ints, rng: np.random.Generator) -> Ints:
    """For each day a few titles that came shortly before, famous ones more often; -1 where there were none."""
    starts = np.flatnonzero(traits.part == 1)
    starts = starts[np.argsort(traits.arrival[starts], kind="stable")]
    arrivals = traits.arrival[starts]
    summed = np.concatenate([[0.0], np.cumsum(np.exp(traits.appeal[starts]), dtype=np.float64)])
    oldest = np.searchsorted(arrivals, day - _RELEASE_DAYS)[:, None]
    newest = np.searchsorted(arrivals, day, side="right")[:, None]
    goal = summed[oldest] + (summed[newest] - summed[oldest]) * rng.random((len(day), _RELEASES_WEIGHED))
    places = np.clip(np.searchsorted(summed, goal, side="right") - 1, oldest, np.maximum(newest - 1, oldest))
    return np.where(newest > oldest, starts[np.minimum(places, len(starts) - 1)], -1)


def _led_on(block: Block, choices: Choices) -> Choices:
    """The choices with what they led to: the next part, soon or as soon as it arrives, or a companion."""
    links = [choices]
    while len(links[-1]) and len(links) <= _LONGEST_CHAIN:
        links.append(_next_link(block, links[-1]))
    return Choices.together(links)


def _next_link(block: Block, last: Choices) -> Choices:
    traits, rng = block.traits, block.rng
    part = traits.next_part[last.title]
    to_part = (part >= 0) & (rng.random(len(last)) < block.viewers.faithful[block.rows[last.viewer]])
    to_companion = ~to_part & (rng.random(len(last)) < _COMPANION_SHARE)
    companion = traits.companions[last.title, rng.integers(COMPANIONS, size=len(last))]
    title = np.where(to_part, part, companion)
    day = last.day + (np.where(to_part, 7, 3) * rng.random(len(last)) ** 2).astype(np.int64)
    wait = np.where(to_part, (15 * rng.random(len(last)) ** 2).astype(np.int64), -1)
    day = np.where(to_part, np.maximum(day, traits.arrival[title] + wait), day)
    goes_on = (to_part | to_companion) & (day <= block.left[last.viewer]) & (traits.arrival[title] <= day)
    return Choices(last.viewer, last.chain, last.step + 1, title, day)[goes_on]
