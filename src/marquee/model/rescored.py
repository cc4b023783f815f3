"""Rescored: what the sources say of a few titles of a pool when rows of one history do not count, one at a time.

No source is asked again: from what it said, that is taken which it loses with the row. Then the titles have other
ranks among the pool, and the pool another best.
"""

from typing import NamedTuple

import numpy as np

from marquee.model.compiled import compiled
from marquee.model.features import TOP
from marquee.model.histories import Floats, Ints

_LEFT = np.float32(1e-5)  # of a score; what is less is no opinion any more


class Rescored(NamedTuple):
    """Rows left out x sources x titles, as features.py describes what a source says."""

    score: Floats
    relative: Floats
    rank: Floats


def rescored(scores: Floats, lost: Floats, near: Ints) -> Rescored:
    """`scores` are sources x pool, `lost` rows x sources x pool; `near` are places in the pool."""
    shape = (*lost.shape[:2], len(near))
    anew = Rescored(np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.float32))
    _rescore(scores, lost, near, *anew)
    return anew._replace(rank=np.log2(anew.rank))


@compiled
def _rescore(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    scores: Floats, lost: Floats, near: Ints, score: Floats, relative: Floats, rank: Floats
) -> None:
    """What a source says as before where nothing of it is lost: it was found out for one of the rows."""
    best = np.empty(TOP, np.float32)
    for source in range(len(scores)):
        told = -1
        for row in range(len(lost)):
            is_lost = np.any(lost[row, source] != 0)
            if told >= 0 and not is_lost:
                score[row, source], relative[row, source] = score[told, source], relative[told, source]
                rank[row, source] = rank[told, source]
                continue
            left = _left(scores[source], lost[row, source])
            score[row, source] = left[near]
            relative[row, source] = score[row, source] / _usual(left, best)
            _rank(left, near, rank[row, source])
            told = told if is_lost else row


@compiled
def _rank(scores: Floats, near: Ints, ranks: Floats) -> None:
    """Counts who stands before each; many are counted at once."""
    mine, before = scores[near], np.ones(len(near), np.int32)
    for place in range(len(scores)):
        other = scores[place]
        for n in range(len(near)):
            before[n] += np.int32((other > mine[n]) | ((other == mine[n]) & (place < near[n])))
    for n in range(len(near)):
        ranks[n] = np.nan if np.isnan(mine[n]) else before[n]


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
