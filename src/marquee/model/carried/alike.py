"""Alike: content, the cosine of a taste with a title. A taste is the sum of the rows, each times what it counts."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.carried.without import Without
from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources.adding import Places, Rows, cells_of, sums_of
from marquee.model.sources.content import Content

_LANES = 16  # sums at once: their numbers lie side by side


class Alike:
    def __init__(self, content: Content, history: Histories, title: Ints) -> None:
        self._content, self._history, self._title = content, history, title
        self._weights = content.weights(history)

    def carried(self, place: Ints) -> Floats:
        """Of each row its product with each title, over the length of the taste."""
        vectors, history = self._content.vectors, self._history
        taste = sums_of(vectors, history.starts, history.title, self._weights)
        weights = self._weights / np.float32(max(float(np.linalg.norm(taste)), 1e-9))
        products, _ = _products(vectors, self._title[place], np.eye(len(place), dtype=np.float32), history.title)
        return weights[:, None] * products

    def lost(self, without: Without) -> Floats:
        weights = np.vstack([self._weights, self._content.weights(without)])
        products, lengths = _products(self._content.vectors, self._history.title, weights, self._title)
        cosines = (products / np.maximum(lengths, np.float32(1e-9))).astype(np.float32, copy=False)
        return (cosines[:, :1] - cosines[:, 1:]).T


def _products(vectors: sp.csr_array, summed: Rows, weights: Floats, others: Rows) -> tuple[Floats, Floats]:
    """Other rows of the vectors x sums: their products with sums of rows, of which weights has sums x rows; and the
    length of each sum."""
    products, lengths = np.empty((len(others), len(weights)), np.float32), np.empty(len(weights), np.float32)
    for first in range(0, len(weights), _LANES):
        some = slice(first, first + _LANES)
        by = np.zeros((len(summed), _LANES), np.float32)
        by[:, : len(weights[some])] = weights[some].T
        slots = np.full(vectors.shape[1], -1, np.int32)
        _multiply(*cells_of(vectors), summed, by, others, slots, products[:, some], lengths[some])
    return products, lengths


@compiled
def _multiply(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    summed: NDArray[Any],
    by: Floats,
    others: NDArray[Any],
    slots: Places,
    products: Floats,
    lengths: Floats,
) -> None:
    """Terms of the sums are laid out side by side, by the slot of each term; few of all terms have one."""
    table = np.zeros((_number_terms(indptr, indices, summed, slots), _LANES), np.float32)
    for row in range(len(summed)):
        for cell in range(indptr[summed[row]], indptr[summed[row] + 1]):
            slot, number = slots[indices[cell]], data[cell]
            for lane in range(_LANES):
                table[slot, lane] += by[row, lane] * number
    _measure(table, lengths)
    total = np.empty(_LANES, np.float32)
    for other in range(len(others)):
        total[:] = 0
        for cell in range(indptr[others[other]], indptr[others[other] + 1]):
            slot, number = slots[indices[cell]], data[cell]
            if slot >= 0:
                for lane in range(_LANES):
                    total[lane] += table[slot, lane] * number
        products[other] = total[: len(lengths)]


@compiled
def _measure(table: Floats, lengths: Floats) -> None:
    squares = np.zeros(_LANES, np.float32)
    for slot in range(len(table)):
        for lane in range(_LANES):
            squares[lane] += table[slot, lane] * table[slot, lane]
    lengths[:] = np.sqrt(squares[: len(lengths)])


@compiled
def _number_terms(indptr: NDArray[Any], indices: NDArray[Any], summed: NDArray[Any], slots: Places) -> int:
    """Gives each term of these rows a slot; how many there are."""
    count = 0
    for row in summed:
        for cell in range(indptr[row], indptr[row + 1]):
            if slots[indices[cell]] < 0:
                slots[indices[cell]] = count
                count += 1
    return count
