"""What people watch after this one. Two sources from one count: how often a title came soon after another.

`following` adds up, over the recent titles of a history, how often each title came next. `sequence` is the ridge
regression of the next title on the fading history: it discounts what two neighbours in time both merely go along with.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import Arrays
from marquee.model.sources.adding import Places, of_dense, of_sparse
from marquee.model.sources.autoencoder import solved, supported_titles, whole
from marquee.params import FollowingParams, SequenceParams

_NEXT_TO_NOTHING = 0.02
_BLOCK = 1_024  # titles whose counts with all others are in memory at once


@dataclass(frozen=True, eq=False)
class Following:
    name: str
    chances: sp.csr_array  # titles x titles: [watched, next]
    fade: float

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - order counts here, not dates
        scores = of_sparse(self.chances, histories, lately(histories, self.fade) * (histories.strength > 0))
        np.copyto(scores, np.float32(np.nan), where=scores <= 0)
        return scores

    def arrays(self) -> Arrays:
        matrix = self.chances
        return {
            "data": matrix.data,
            "indices": matrix.indices,
            "indptr": matrix.indptr,
            "fade": np.array(self.fade),
        }

    @classmethod
    def restored(cls, name: str, arrays: Arrays) -> Self:
        titles = len(arrays["indptr"]) - 1
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        return cls(name, sp.csr_array(parts, shape=(titles, titles)), float(arrays["fade"]))


@dataclass(frozen=True, eq=False)
class Sequence:
    name: ClassVar[str] = "sequence"
    weights: Floats  # supported x supported titles: [watched, next]
    supported: Places  # the title of each row of weights
    titles: int
    fade: float

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - order counts here, not dates
        values = lately(histories, self.fade) * whole(histories)
        scores: Floats = of_dense(self.weights, self.supported, self.titles, histories, values[None])[0]
        return scores

    def arrays(self) -> Arrays:
        return {
            "weights": self.weights,
            "supported": self.supported,
            "titles": np.array(self.titles),
            "fade": np.array(self.fade),
        }

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        return cls(arrays["weights"], arrays["supported"], int(arrays["titles"]), float(arrays["fade"]))


def faded(histories: Histories, fade: float) -> Floats:
    """1 for the last title of a history, `fade` for the one before it, then its square."""
    powers = np.power(np.float32(fade), np.arange(histories.counts.max(initial=0), dtype=np.float32))
    return powers[histories.from_end]


def lately(histories: Histories, fade: float) -> Floats:
    """The same, but 0 for what counts less than a thousandth."""
    values = faded(histories, fade)
    return np.where(values > 1e-3, values, np.float32(0))


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
    return Following(name, sp.csr_array(sp.vstack(blocks, format="csr")), params.fade)


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
    return Sequence(solved(gram, after, params.regularization), supported, len(rows), params.fade)


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


def strongest(matrix: Floats, keep: int) -> sp.csr_array:
    """Only the `keep` largest entries above 0 of each row, of equals the first."""
    counts = np.count_nonzero(matrix > 0, axis=1)
    starts = np.concatenate([[0], np.cumsum(np.minimum(counts, keep))])
    columns, values = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    _keep_strongest(matrix, counts, starts, columns, values)
    return sp.csr_array((values, columns, starts), shape=matrix.shape)


@compiled
def _keep_strongest(matrix: Floats, counts: Ints, starts: Ints, columns: Places, values: Floats) -> None:
    for row in range(len(matrix)):
        keep, place = starts[row + 1] - starts[row], starts[row]
        least, equals = np.float32(0), 0
        if counts[row] > keep:
            least = np.partition(matrix[row], matrix.shape[1] - keep)[matrix.shape[1] - keep]
            equals = keep - np.sum(matrix[row] > least)
        for column in range(matrix.shape[1]):
            value = matrix[row, column]
            if value > least or (value == least and equals > 0):
                equals -= value == least
                columns[place], values[place] = column, value
                place += 1
