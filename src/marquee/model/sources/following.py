"""What people watch after this one. Two sources from one count: how often a title came soon after another.

`following` adds up, over the recent titles of a history, how often each title came next. `sequence` is the ridge
regression of the next title on the fading history: it discounts what two neighbours in time both merely go along with.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from marquee.model.best import strongest
from marquee.model.compiled import compiled
from marquee.model.histories import Deeds, Floats, Histories, Ints
from marquee.model.sources import Arrays, narrow, square_arrays, square_of
from marquee.model.sources.adding import Places, answers_of, opinions_of, silent_of
from marquee.model.sources.autoencoder import solved, whole
from marquee.model.sources.pairs import among_all, supported_titles
from marquee.params import FollowingParams, SequenceParams

_NEXT_TO_NOTHING = 0.02
_SLIGHT = 1e-3
_BLOCK = 1_024  # titles whose counts with all others are in memory at once


@dataclass(frozen=True, eq=False)
class Following:
    name: str
    chances: sp.csr_array  # titles x titles: [watched, next]
    fade: float

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - order counts here, not dates
        return opinions_of(self.chances, histories, self.values(histories))

    def values(self, deeds: Deeds) -> Floats:
        """How much each row counts."""
        return lately(deeds, self.fade) * (deeds.strength > 0)

    def arrays(self) -> Arrays:
        return {**square_arrays(self.chances), "fade": np.array(self.fade)}

    @classmethod
    def restored(cls, name: str, arrays: Arrays) -> Self:
        return cls(name, square_of(arrays), float(arrays["fade"]))


@dataclass(frozen=True, eq=False)
class Sequence:
    name: ClassVar[str] = "sequence"
    weights: sp.csr_array  # titles x titles: [watched, next]; only the strongest
    supported: Places  # the titles that it has an opinion of
    fade: float

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - order counts here, not dates
        scores: Floats = answers_of(self.weights, self._silent, histories, [self.values(histories)])[0]
        return scores

    def values(self, deeds: Deeds) -> Floats:
        """How much each row counts."""
        return lately(deeds, self.fade) * whole(deeds)

    @cached_property
    def _silent(self) -> Places:
        return silent_of(self.supported, self.weights.shape[1])

    def arrays(self) -> Arrays:
        return {**square_arrays(self.weights), "supported": self.supported, "fade": np.array(self.fade)}

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        return cls(square_of(arrays), arrays["supported"], float(arrays["fade"]))


def lately(deeds: Deeds, fade: float) -> Floats:
    """1 for the last title of a history, `fade` for the one before it, then its square; less than a thousandth is 0."""
    powers = _powers(fade)
    values: Floats = powers[np.minimum(deeds.from_end, len(powers) - 1)]
    return values


@cache
def _powers(fade: float) -> Floats:
    """As far as they count, and a 0."""
    steps = int(np.ceil(np.log(_SLIGHT) / np.log(fade)))
    return np.append(np.power(np.float32(fade), np.arange(steps, dtype=np.float32)), np.float32(0))


def fit_following(name: str, histories: Histories, titles: int, params: FollowingParams) -> Following:
    every, order = np.arange(titles, dtype=np.int32), Order(histories, titles)
    rows = np.bincount(histories.title, minlength=titles)
    return following_of(name, lambda some: order.soon_after(some, every, params.fade, params.backward), rows, params)


def following_of(name: str, after: Callable[[Places], Floats], rows: Ints, params: FollowingParams) -> Following:
    """Of counts: what came after each of some titles, and the rows of each title."""
    every = np.arange(len(rows), dtype=np.int32)
    watched = np.maximum(rows, 1) + params.shrinkage
    blocks = []
    for first in range(0, len(every), _BLOCK):
        some = every[first : first + _BLOCK]
        counts = after(some)
        counts /= watched[some, None].astype(np.float32)
        blocks.append(strongest(counts, params.keep))
    return Following(name, narrow(sp.csr_array(sp.vstack(blocks, format="csr"))), params.fade)


def fit_sequence(histories: Histories, titles: int, params: SequenceParams) -> Sequence:
    rows = np.bincount(histories.title, minlength=titles)
    supported = supported_titles(rows, params.support, params.most)
    after = Order(histories, titles).soon_after(supported, supported, params.fade)
    return sequence_of(after, supported, rows, params)


def sequence_of(after: Floats, supported: Places, rows: Ints, params: SequenceParams) -> Sequence:
    """Of counts: what came after what among the supported titles, which are used up, and the rows of each title."""
    watched = rows[supported].astype(np.float32)
    # The exact Gram matrix of fading histories: each pair of titles meets in every later history of the viewer.
    gram = after + after.T
    gram *= np.float32(params.fade)
    gram[np.diag_indices_from(gram)] += watched
    gram /= np.float32(1 - params.fade**2)
    weights = solved(gram, after, params.regularization)
    return Sequence(among_all(strongest(weights, params.keep), supported, len(rows)), supported, params.fade)


class Order:
    """What was watched after what."""

    def __init__(self, histories: Histories, titles: int) -> None:
        self._title, self._starts, self._titles = histories.title, histories.starts, titles
        self._owner = np.repeat(np.arange(len(histories), dtype=np.int32), histories.counts)
        self._first = np.concatenate([[0], np.cumsum(np.bincount(self._title, minlength=titles))])
        self._places = np.empty(len(self._title), np.int32)
        _note_places(self._title, self._first[:-1].copy(), self._places)

    def soon_after(self, titles: Places, others: Places, fade: float, backward: float = 0.0) -> Floats:
        """Titles x others: how often each other came after, each time weighing fade^(titles in between).

        And `backward` times as much for how often it came before.
        """
        column = np.full(self._titles, -1, np.int32)
        column[others] = np.arange(len(others))
        steps = int(np.ceil(np.log(_NEXT_TO_NOTHING) / np.log(fade))) - 1
        weights = np.power(np.float32(fade), np.arange(max(steps, 0), dtype=np.float32))
        sums = np.zeros((len(titles), len(others)), np.float32)
        _add_after(
            self._title, self._starts, self._owner, self._first, self._places,
            titles, column, weights, np.float32(backward), sums,
        )  # fmt: skip
        return sums


@compiled
def _note_places(title: Places, place: Ints, places: Places) -> None:
    """The rows of each title, one title after another."""
    for row in range(len(title)):
        places[place[title[row]]] = row
        place[title[row]] += 1


@compiled
def _add_after(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    title: Places,
    starts: Ints,
    owner: Places,
    first: Ints,
    places: Places,
    titles: Places,
    column: Places,
    weights: Floats,
    backward: np.float32,
    sums: Floats,
) -> None:
    for n in range(len(titles)):
        for place in range(first[titles[n]], first[titles[n] + 1]):
            row = places[place]
            viewer = owner[row]
            for step in range(min(len(weights), starts[viewer + 1] - 1 - row)):
                other = column[title[row + 1 + step]]
                if other >= 0:
                    sums[n, other] += weights[step]
            if backward > 0:
                for step in range(min(len(weights), row - starts[viewer])):
                    other = column[title[row - 1 - step]]
                    if other >= 0:
                        sums[n, other] += backward * weights[step]
