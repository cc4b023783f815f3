"""Best: the largest few of many scores, the best first and of equals the first, in one pass."""

import numpy as np

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
