"""ALS: implicit's alternating least squares; a viewer is folded in per request with the cached Gram matrix."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray

from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import Arrays
from marquee.model.sources.adding import Places, in_tiles, products
from marquee.params import AlsParams


@dataclass(frozen=True, eq=False)
class Als:
    name: ClassVar[str] = "als"
    title_factors: Floats  # titles x factors; zeros for a title that nobody wanted
    alpha: float  # confidence of one unit of strength
    regularization: float

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - a taste has no moment
        factors = self.viewer_factors(histories)
        if not histories.counts.all():
            factors[histories.counts == 0] = np.nan
        return products(factors, self._tiles, self._silent, len(self.title_factors))

    def viewer_factors(self, histories: Histories) -> Floats:
        """What training would have made of these viewers, one solve each."""
        factors = np.zeros((len(histories), len(self.start)), np.float32)
        confidence = np.float32(self.alpha) * histories.strength
        _fold_in(self.start, self.title_factors, histories.starts, histories.title, confidence, factors)
        return factors

    @cached_property
    def gram(self) -> Floats:
        gram: Floats = self.title_factors.T @ self.title_factors
        return gram

    @cached_property
    def start(self) -> Floats:
        """What the solve of a viewer of whom nothing is known would be."""
        start: Floats = self.gram + np.float32(self.regularization) * np.eye(len(self.gram), dtype=np.float32)
        return start

    @cached_property
    def _tiles(self) -> Floats:
        """Factors x titles, as they are read."""
        return in_tiles(self.title_factors.T)

    @cached_property
    def _silent(self) -> Places:
        """Titles of which nothing is known."""
        return np.flatnonzero(np.all(self.title_factors == 0, axis=1)).astype(np.int32)

    def arrays(self) -> Arrays:
        return {
            "title_factors": self.title_factors,
            "settings": np.array([self.alpha, self.regularization]),
        }

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        alpha, regularization = arrays["settings"].tolist()
        return cls(np.asarray(arrays["title_factors"], np.float32), alpha, regularization)


class _ByRows(AlternatingLeastSquares):  # type: ignore[misc]  # implicit has no types
    """A title is held back by the root of how many rows it has: of one regularization for all, the most watched feel
    nothing, and of the seldom watched nothing is left."""

    of_title: float

    @property
    def solver(self) -> Callable[..., None]:
        return self._solve

    def _solve(self, rows: sp.csr_matrix, factors: Floats, others: Floats, of_viewer: float, num_threads: int) -> None:
        solve = partial(super().solver, num_threads=num_threads)
        if factors is self.user_factors:
            solve(rows, factors, others, of_viewer)
            return
        # A call takes one regularization: titles of about as many rows share it.
        band = np.round(2 * np.log2(np.maximum(np.diff(rows.indptr), 1))).astype(np.int64)
        for of_band in np.unique(band):
            here = np.flatnonzero(band == of_band)
            solved = factors[here]
            solve(rows[here], solved, others, self.of_title * 2 ** (of_band / 4))
            factors[here] = solved


def fit_als(histories: Histories, titles: int, params: AlsParams, seed: int) -> Als:
    confidence = confidence_of(histories, titles, params.alpha)
    model = _ByRows(
        params.factors, params.regularization, alpha=1.0, iterations=params.iterations, random_state=seed, num_threads=0
    )
    model.of_title = params.of_title
    model.fit(confidence, show_progress=False)
    wanted = np.zeros(titles, bool)
    wanted[confidence.indices] = True
    return Als(np.where(wanted[:, None], model.item_factors, np.float32(0)), params.alpha, params.regularization)


def confidence_of(histories: Histories, titles: int, alpha: float) -> sp.csr_matrix:
    """Viewers x titles: alpha times strength; below 0, implicit reads it as sure that the viewer does not want it."""
    # A copy: the zeros are taken out in place, and these arrays are the histories' own.
    said = histories.strength != 0
    starts = np.concatenate([[0], np.cumsum(said)])[histories.starts]
    confidence = np.float32(alpha) * histories.strength[said]
    return sp.csr_matrix((confidence, histories.title[said], starts), shape=(len(histories), titles))


@compiled
def _fold_in(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    start: Floats, titles: Floats, starts: Ints, title: NDArray[np.int32], confidence: Floats, factors: Floats
) -> None:
    """Of each viewer with a row the solution of (start + sum of (|c| - 1) f f') x = sum of c f, where c is above 0."""
    for viewer in range(len(factors)):
        rows = slice(starts[viewer], starts[viewer + 1])
        of_titles, sure = titles[title[rows]], confidence[rows]
        if len(sure):
            extra = np.where(sure != 0, np.abs(sure) - np.float32(1), np.float32(0))
            matrix = start + np.dot(of_titles.T, np.expand_dims(extra, 1) * of_titles)
            factors[viewer] = _solved(matrix, np.dot(of_titles.T, np.maximum(sure, np.float32(0))))


@compiled
def _solved(matrix: Floats, wanted: Floats) -> Floats:
    """Of a matrix that is as positive as those here: a title counts in `start` for more than a row takes back."""
    lower, answer = np.linalg.cholesky(matrix), wanted.copy()
    for n in range(len(answer)):
        answer[n] = (answer[n] - np.dot(lower[n, :n], answer[:n])) / lower[n, n]
    for n in range(len(answer) - 1, -1, -1):
        answer[n] /= lower[n, n]
        of_row, above = lower[n, :n], answer[:n]
        for k in range(n):
            above[k] -= answer[n] * of_row[k]
    return answer
