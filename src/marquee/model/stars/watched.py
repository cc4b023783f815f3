"""Watched: what it says of a viewer which titles they watched, and of a title who watched it, whatever the stars.

A few directions in which histories differ most, from all rows, with stars or without, and how many rows there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources.adding import of_rows

_FAME = 0.25  # the power of how often a title was watched by which it says less of a viewer
_FAR = 2.0  # standard deviations: how much longer or shorter than usual a history can count as


@dataclass(frozen=True, eq=False)
class Watched:
    vectors: Floats  # titles x directions, to be summed over a history
    lengths: Floats  # mean and standard deviation of the logarithm of a history's length

    @property
    def width(self) -> int:
        return int(self.vectors.shape[1]) + 2

    def viewers(self, histories: Histories) -> Floats:
        """Viewers x width: a 1, the directions, the length."""
        ones = np.ones(len(histories.title), np.float32)
        sums = of_rows(self.vectors, histories.starts, histories.title, ones)
        return _described(sums, histories.counts, self.lengths)

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        return {"watched_vectors": self.vectors, "watched_lengths": self.lengths}

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        return cls(np.asarray(arrays["watched_vectors"], np.float32), np.asarray(arrays["watched_lengths"], np.float32))


def fit_watched(histories: Histories, titles: int, directions: int, seed: int) -> tuple[Watched, Floats]:
    """And the same of the titles: titles x width."""
    ones = histories.matrix(np.ones(len(histories.title), np.float32), titles)
    lengths, fame = histories.counts, np.bincount(histories.title, minlength=titles)
    by_viewer = _power(lengths, -0.5)
    left, right = _directions(by_viewer @ ones @ _power(fame, -_FAME), directions, seed)
    vectors = _power(fame, -_FAME) @ right
    vectors /= _scale(by_viewer @ (ones @ vectors))
    watched = Watched(vectors, _lengths(lengths))
    of_titles = ones.T @ (by_viewer @ left)
    of_titles /= _scale(_power(fame, -0.5) @ of_titles)
    return watched, _described(of_titles, fame, _lengths(fame))


def _directions(matrix: sp.csr_array, directions: int, seed: int) -> tuple[Floats, Floats]:
    """The first singular vectors of viewers and of titles."""
    found = min(directions, min(matrix.shape) - 1)
    if found < 1 or not matrix.nnz:
        return np.zeros((matrix.shape[0], 0), np.float32), np.zeros((matrix.shape[1], 0), np.float32)
    start = np.random.default_rng(seed).random(min(matrix.shape)).astype(np.float32)
    left, _, right = svds(matrix, found, v0=start)
    return left.astype(np.float32), right.T.astype(np.float32)


def _described(sums: Floats, counts: Ints, lengths: Floats) -> Floats:
    mean, spread = lengths
    length = np.clip((np.log(np.maximum(counts, 1)) - mean) / spread, -_FAR, _FAR)
    scaled = sums / np.sqrt(np.maximum(counts, 1))[:, None]
    return np.column_stack([np.ones(len(counts)), scaled, length]).astype(np.float32)


def _lengths(counts: Ints) -> Floats:
    logs = np.log(counts[counts > 0]) if counts.any() else np.zeros(1)
    return np.array([logs.mean(), max(logs.std(), 1e-3)], np.float32)


def _scale(columns: Floats) -> Floats:
    return np.asarray(np.maximum(columns.std(axis=0), 1e-9), np.float32)


def _power(counts: Ints, power: float) -> sp.dia_array:
    return sp.diags_array(np.maximum(counts, 1).astype(np.float32) ** np.float32(power))
