"""Best: the largest few of many scores, the best first and of equals the first, in one pass."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Ints, Mask


def best_of(scores: Floats, depth: int) -> Ints:
    """The columns of the `depth` largest scores of each row; no score may be NaN."""
    best = np.empty((len(scores), min(depth, scores.shape[1])), np.int64)
    _best_of(scores, best)
    return best


@compiled
def _best_of(scores: Floats, best: Ints) -> None:
    nothing = np.zeros(scores.shape[1], np.bool_)
    for row in range(len(scores)):
        fill_best(scores[row], nothing, best[row])


@compiled
def fill_best(scores: Floats, closed: Mask, best: Ints) -> int:
    """Puts the best columns into `best`, without those closed or NaN; how many there are.

    Few get past the worst of them, so that keeping them in order is cheap.
    """
    if not len(best):
        return 0
    found, least = 0, np.float32(-np.inf)
    for column in range(len(scores)):
        score = scores[column]
        if (score > least or found < len(best)) and not closed[column] and not np.isnan(score):
            found = min(found + 1, len(best))
            place = found - 1
            while place > 0 and scores[best[place - 1]] < score:
                best[place] = best[place - 1]
                place -= 1
            best[place] = column
            if found == len(best):
                least = scores[best[found - 1]]
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
