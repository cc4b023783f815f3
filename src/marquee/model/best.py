"""Best: the largest few of many scores, the best first and of equals the first, in one pass."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Ints, Mask

Keys = NDArray[np.int32]

_HANDS = 512
_FEW = 4
_NOTHING, _ALL = np.int32(-(2**31)), np.int32(2**31 - 1)  # no score has either
_STEP = 64  # columns that are passed over at once if none of them is among the best


def best_of(scores: Floats, depth: int) -> Ints:
    """The columns of the `depth` largest scores of each row; no score may be NaN."""
    best = np.empty((len(scores), min(depth, scores.shape[1])), np.int64)
    if best.shape[1] <= _FEW:
        _few_of(scores, best)
    else:
        _best_of(scores, best)
    return best


@compiled
def _few_of(scores: Floats, best: Ints) -> None:
    """Each finds its place among the best so far; next to none has one."""
    for row in range(len(scores)):
        of_row, few = scores[row], best[row]
        for column in range(len(of_row) if len(few) else 0):
            found = min(column, len(few))
            if found < len(few) or of_row[column] > of_row[few[found - 1]]:
                place = min(found, len(few) - 1)
                while place > 0 and of_row[few[place - 1]] < of_row[column]:
                    few[place] = few[place - 1]
                    place -= 1
                few[place] = column


@compiled
def _best_of(scores: Floats, best: Ints) -> None:
    nothing = np.zeros(scores.shape[1], np.bool_)
    for row in range(len(scores)):
        fill_best(scores[row], nothing, best[row])


@compiled
def fill_best(scores: Floats, closed: Mask, best: Ints) -> int:
    """Puts the best columns into `best`, without those closed or NaN; how many there are."""
    found = find_best(scores, closed, best)
    few = best[:found]
    best[:found] = few[np.argsort(-scores[few], kind="mergesort")]
    return found


@compiled
def find_best(scores: Floats, closed: Mask, best: Ints) -> int:
    """The same, but rising.

    Columns are dealt out to many hands; whatever is below the depth-th of the hands' best is not among the best, and
    next to nothing else is left.
    """
    keys, hands = _keys(scores, closed), np.full(_HANDS, _NOTHING, np.int32)
    for first in range(0, len(keys), _HANDS):
        dealt = keys[first : first + _HANDS]
        for hand in range(len(dealt)):
            hands[hand] = max(hands[hand], dealt[hand])
    least, found = max(_at(hands, len(best)), _NOTHING + np.int32(1)), 0
    above = np.empty(len(keys), np.int64)
    for first in range(0, len(keys), _STEP):
        some = keys[first : first + _STEP]
        if _any_from(some, least):
            for place in range(len(some)):
                if some[place] >= least:
                    above[found] = first + place
                    found += 1
    return _kept(keys, above[:found], best)


@compiled
def _keys(scores: Floats, closed: Mask) -> Keys:
    """Whole numbers in the order of the scores, which are compared many at a time; below all what is closed or NaN."""
    keys, bits = np.empty(len(scores), np.int32), scores.view(np.int32)
    for column in range(len(scores)):
        key = bits[column] ^ ((bits[column] >> np.int32(31)) & np.int32(0x7FFFFFFF))
        keys[column] = _NOTHING if closed[column] or np.isnan(scores[column]) else key
    return keys


@compiled
def _at(keys: Keys, place: int) -> np.int32:
    """The key at that place from the top; below all where there are fewer, above all at place 0."""
    if place == 0:
        return _ALL
    if place > len(keys):
        return _NOTHING
    least: np.int32 = np.partition(keys, len(keys) - place)[len(keys) - place]
    return least


@compiled
def _any_from(keys: Keys, least: np.int32) -> bool:
    """Without a way out of the loop, many are looked at at once."""
    there = np.uint32(0)
    for place in range(len(keys)):
        there |= np.uint32(keys[place] >= least)
    return bool(there)


@compiled
def _kept(keys: Keys, columns: Ints, best: Ints) -> int:
    """As many of the columns as there is room for: the best, of equals the first."""
    if len(columns) <= len(best):
        best[: len(columns)] = columns
        return len(columns)
    of_columns = keys[columns]
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
