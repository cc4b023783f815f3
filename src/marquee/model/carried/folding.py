"""Folding: ALS, whose fold-in is one linear solve, x = inverse(A) b: a row that was wanted is one term of b, and one
rank of A."""

import numpy as np
import scipy.linalg as la
from numpy.typing import NDArray

from marquee.model.carried.without import Without
from marquee.model.histories import Floats, Histories, Ints, Mask
from marquee.model.sources.adding import Places
from marquee.model.sources.als import Als


class Folding:
    """Of the whole history."""

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


class FoldingLatest:
    """The same solve of the latest rows, of as many unknowns as there are: with E the confidences, K the products of
    rows, x = inverse(G) F' inverse(I + E K) b. One row more, that comes in where one of the latest is left out."""

    def __init__(self, als: Als, recent: int, history: Histories, title: Ints) -> None:
        self._rows = len(history.title)
        self._latest, self._first = self._rows - recent, max(self._rows - recent - 1, 0)
        late = slice(self._first, None)
        factors, self._extra, self._liked = _terms(als, history.title[late], history.strength[late])
        self._reach = factors @ als.start_inverse
        self._products = self._reach @ factors.T
        kept = np.arange(self._first, self._rows) >= self._latest
        inverse = np.linalg.inv(self._solved(kept))
        self._parts = (inverse * (kept * self._liked)).astype(np.float32)  # what each says through each other
        self._titles = als.title_factors[title]

    def carried(self, place: Ints) -> Floats:
        carried = np.zeros((self._rows, len(place)), np.float32)
        carried[self._first :] = self._parts.T @ (self._reach @ self._titles[place].T)
        return carried

    def lost(self, without: Without) -> Floats:
        lost, late = np.zeros((len(without.rows), len(self._titles)), np.float32), without.rows >= self._latest
        kept = np.arange(self._first, self._rows) != without.rows[late, None]
        terms = np.linalg.solve(self._solved(kept), (kept * self._liked)[..., None])[..., 0]
        change = self._parts.sum(axis=1) - terms.astype(np.float32)
        lost[late] = (change @ self._reach) @ self._titles.T
        return lost

    def _solved(self, kept: Mask) -> NDArray[np.float64]:
        """(Times x) rows x rows: what is to be inverted when only some rows are there."""
        solved: NDArray[np.float64] = np.eye(len(self._extra)) + (kept * self._extra)[..., None] * self._products
        return solved


def _terms(als: Als, title: Places, strength: Floats) -> tuple[Floats, Floats, Floats]:
    """Of each row its title's factors, what it adds to A and what to b."""
    confidence = np.float32(als.alpha) * strength
    extra = np.where(confidence != 0, np.abs(confidence) - 1, np.float32(0))
    return als.title_factors[title], extra, np.maximum(confidence, 0)
