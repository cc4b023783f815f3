"""Folding: ALS, whose fold-in is one linear solve, x = inverse(A) b: a row that was wanted is one term of b, and one
rank of A."""

import numpy as np
import scipy.linalg as la

from marquee.model.carried.without import Without
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources.adding import Places
from marquee.model.sources.als import Als


class Folding:
    def __init__(self, als: Als, history: Histories, title: Ints) -> None:
        self._factors, self._extra, self._liked = _terms(als, history.title, history.strength)
        own = self._factors.T @ (self._extra[:, None] * self._factors)
        self._root, _ = la.lapack.spotrf(als.start + own, lower=True)  # A is positive: its Cholesky factor
        self._titles = als.title_factors[title]

    def carried(self, place: Ints) -> Floats:
        carried: Floats = self._liked[:, None] * (self._factors @ self._solved(self._titles[place].T))
        return carried

    def lost(self, without: Without) -> Floats:
        """Sherman and Morrison: the row's term, and what its rank in A takes back."""
        taste = self._solved(self._liked @ self._factors)
        rows = without.rows
        factors, extra, liked = self._factors[rows], self._extra[rows], self._liked[rows]
        reach = self._solved(factors.T).T
        length = (reach * factors).sum(axis=1)
        back = extra * (factors @ taste - liked * length) / (1 - extra * length)
        lost: Floats = ((liked - back)[:, None] * reach) @ self._titles.T
        return lost

    def _solved(self, wanted: Floats) -> Floats:
        """inverse(A) times these columns."""
        solved: Floats = la.lapack.spotrs(self._root, wanted, lower=True)[0]
        return solved


def _terms(als: Als, title: Places, strength: Floats) -> tuple[Floats, Floats, Floats]:
    """Of each row its title's factors, what it adds to A and what to b."""
    confidence = np.float32(als.alpha) * strength
    extra = np.where(confidence != 0, np.abs(confidence) - 1, np.float32(0))
    return als.title_factors[title], extra, np.maximum(confidence, 0)
