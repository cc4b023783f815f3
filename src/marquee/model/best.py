"""Best: the largest few of many scores, the best first and of equals the first, in one pass."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Ints
from marquee.model.side_by_side import lowest_bit, no_less

_HANDS = 256
_STEP = 64  # columns that are compared at once: a bit of one number each
_LEAST, _MOST = np.float32(-np.inf), np.float32(np.inf)


def best_of(scores: Floats, depth: int) -> Ints:
    """The columns of the `depth` largest scores of each row; no score may be NaN."""
    best = np.empty((len(scores), min(depth, scores.shape[1])), np.int64)
    _best_of(scores, best)
    return best


@compiled
def _best_of(scores: Floats, best: Ints) -> None:
    for row in range(len(scores)):
        fill_best(scores[row], best[row])


@compiled
def fill_best(scores: Floats, best: Ints) -> int:
    """Puts the best columns into `best`, without those that are NaN; how many there are."""
    found = find_best(scores, best)
    few = best[:found]
    best[:found] = few[np.argsort(-scores[few], kind="mergesort")]
    return found


@compiled
def find_best(scores: Floats, best: Ints) -> int:
    """The same, but rising.

    Columns are dealt out to many hands; whatever is below the depth-th of the hands' best is not among the best, and
    next to nothing else is left.
    """
    hands = np.full(_HANDS, _LEAST)
    for first in range(0, len(scores), _HANDS):
        dealt = scores[first : first + _HANDS]
        for hand in range(len(dealt)):
            hands[hand] = dealt[hand] if dealt[hand] > hands[hand] else hands[hand]
    least, found = _at(hands, len(best)), 0
    above = np.empty(len(scores), np.int32)
    for first in range(0, len(scores), _STEP):
        whole = first + _STEP <= len(scores)
        there = no_less(scores, first, least) if whole else _from(scores[first:], least)
        while there:
            above[found] = first + lowest_bit(there)
            found += 1
            there &= there - np.uint64(1)
    return _kept(scores, above[:found], best)


@compiled
def _at(scores: Floats, place: int) -> np.float32:
    """The score at that place from the top; below all where there are fewer, above all at place 0. None is NaN.

    Whole numbers in the order of the scores are compared many at a time, once for each of the answer's bits.
    """
    if place == 0:
        return _MOST
    if place > len(scores):
        return _LEAST
    keys, least = _in_order(scores.view(np.int32)), np.empty(1, np.int32)
    least[0] = 0 if _count_from(keys, np.int32(0)) >= place else -(2**31)
    for bit in range(30, -1, -1):
        more = np.int32(least[0] + np.int32(1 << bit))
        if _count_from(keys, more) >= place:
            least[0] = more
    return np.float32(_in_order(least).view(np.float32)[0])


@compiled
def _in_order(bits: NDArray[np.int32]) -> NDArray[np.int32]:
    """Of the bits of scores, whole numbers in the order of the scores; of those, the bits."""
    keys = np.empty(len(bits), np.int32)
    for n in range(len(bits)):
        keys[n] = bits[n] ^ ((bits[n] >> np.int32(31)) & np.int32(0x7FFFFFFF))
    return keys


@compiled
def _count_from(keys: NDArray[np.int32], least: np.int32) -> int:
    count = np.int32(0)
    for n in range(len(keys)):
        count += np.int32(keys[n] >= least)
    return int(count)


@compiled
def _from(scores: Floats, least: np.float32) -> np.uint64:
    """A bit for each, the lowest for the first: whether it is no less."""
    there = np.uint64(0)
    for place in range(len(scores)):
        there |= np.uint64(scores[place] >= least) << np.uint64(place)
    return there


@compiled
def _kept(scores: Floats, columns: NDArray[np.int32], best: Ints) -> int:
    """As many of the columns as there is room for: the best, of equals the first."""
    if len(columns) <= len(best):
        best[: len(columns)] = columns
        return len(columns)
    of_columns = scores[columns]
    least = _at(of_columns, len(best))
    equals, found = len(best) - np.sum(of_columns > least), 0
    for place in range(len(columns)):
        if of_columns[place] > least or (of_columns[place] == least and equals > 0):
            equals -= of_columns[place] == least
            best[found] = columns[place]
            found += 1
    return found


def strongest(matrix: Floats, keep: int) -> sp.csr_array:
    """Only the `keep` entries of each row that are farthest from 0, of equals the first."""
    counts = _counted(matrix)
    starts = np.concatenate([[0], np.cumsum(np.minimum(counts, keep))])
    columns, values = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    _keep_strongest(matrix, counts, starts, columns, values)
    return sp.csr_array((values, columns, starts), shape=matrix.shape)


@compiled
def _counted(matrix: Floats) -> Ints:
    """Entries of each row that are not 0."""
    counts = np.zeros(len(matrix), np.int64)
    for row in range(len(matrix)):
        for column in range(matrix.shape[1]):
            counts[row] += matrix[row, column] != 0
    return counts


@compiled
def _keep_strongest(matrix: Floats, counts: Ints, starts: Ints, columns: NDArray[np.int32], values: Floats) -> None:
    for row in range(len(matrix)):
        keep, place = starts[row + 1] - starts[row], starts[row]
        sizes = np.abs(matrix[row])
        least, equals = np.float32(0), 0
        if counts[row] > keep:
            least = np.partition(sizes, len(sizes) - keep)[len(sizes) - keep]
            equals = keep - np.sum(sizes > least)
        for column in range(len(sizes)):
            if sizes[column] > least or (sizes[column] == least and equals > 0):
                equals -= sizes[column] == least
                columns[place], values[place] = column, matrix[row, column]
                place += 1
