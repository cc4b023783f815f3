"""Rescored: what the sources say of a few titles of a pool when rows of one history do not count, one at a time.

No source is asked again: from what it said, that is taken which it loses with the row. Then the titles have other
ranks among the pool, and the pool another best.
"""

import numpy as np

from marquee.model.compiled import compiled
from marquee.model.features import TOP
from marquee.model.histories import Floats, Ints

_LEFT = np.float32(1e-5)  # of a score; what is less is no opinion any more


def rescored(scores: Floats, lost: Floats, near: Ints, features: Floats, columns: Ints) -> Floats:
    """Rows left out x near titles x features: as `features` has them, but for what sources say anew.

    `scores` are sources x pool, `lost` sources x rows x pool, `near` places in the pool, whose `features` are given.
    `columns` has, of each source, where its score, the relative one and its rank stand; -1 for none.
    """
    anew = np.empty((lost.shape[1], *features.shape), np.float32)
    _rescore(scores, lost, near, np.ascontiguousarray(features), columns, anew)
    return anew


@compiled
def _rescore(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    scores: Floats, lost: Floats, near: Ints, features: Floats, columns: Ints, anew: Floats
) -> None:
    best, rank = np.empty(TOP, np.float32), np.empty(len(near), np.float32)
    for row in range(lost.shape[1]):
        anew[row] = features
        for source in range(len(scores)):
            if np.any(lost[source, row] != 0):
                left = _left(scores[source], lost[source, row])
                usual, (score, relative, ranked) = _usual(left, best), columns[source]
                _rank(left, near, rank)
                for n in range(len(near)):
                    if score >= 0:
                        anew[row, n, score] = left[near[n]]
                    if relative >= 0:
                        anew[row, n, relative] = left[near[n]] / usual
                    if ranked >= 0:
                        anew[row, n, ranked] = rank[n]


@compiled
def _rank(scores: Floats, near: Ints, ranks: Floats) -> None:
    """As features.py has ranks: logarithms. Counts who stands before each; many are counted at once."""
    for n in range(len(near)):
        own, earlier, later, before = scores[near[n]], scores[: near[n]], scores[near[n] :], np.int32(1)
        for place in range(len(earlier)):
            before += np.int32(earlier[place] >= own)
        for place in range(len(later)):
            before += np.int32(later[place] > own)
        ranks[n] = np.nan if np.isnan(own) else np.log2(np.float32(before))


@compiled
def _left(scores: Floats, lost: Floats) -> Floats:
    left = scores - lost
    for n in range(len(left)):
        if lost[n] != 0 and abs(left[n]) <= _LEFT * abs(scores[n]):
            left[n] = np.nan
    return left


@compiled
def _usual(scores: Floats, best: Floats) -> np.float32:
    """The mean of the best; NaN where those say next to nothing."""
    count = 0
    for score in scores:
        if not np.isnan(score) and (count < len(best) or score > best[count - 1]):
            count = min(count + 1, len(best))
            place = count - 1
            while place > 0 and best[place - 1] < score:
                best[place] = best[place - 1]
                place -= 1
            best[place] = score
    total = best[:count].sum()
    return np.float32(total / count if total > 1e-6 * count else np.nan)
