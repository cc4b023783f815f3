"""EASE, the closed-form linear autoencoder: how much each watched title says about every other title.

`values` decide which question it answers: what fits the whole history, its recent part, or the titles that the viewer
liked more than their others. Titles that too few have watched have no opinion, and no row in the matrix.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self, cast

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from marquee.model.best import strongest
from marquee.model.histories import Deeds, Floats, Histories, Ints
from marquee.model.sources import Arrays, square_arrays, square_of
from marquee.model.sources.adding import answers_of, silent_of
from marquee.model.sources.pairs import Pairs, among_all, pairs_of
from marquee.params import AutoencoderParams

_LARGE = 4_096  # titles: of fewer it is over before it is worth asking for a second thread


@dataclass(frozen=True, eq=False)
class Autoencoder:
    name: ClassVar[str] = "autoencoder"
    weights: sp.csr_array  # titles x titles: [watched, other]; only the strongest
    supported: NDArray[np.int32]  # the titles that it has an opinion of

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - a taste has no moment
        return self.guesses(histories, self.values(histories))

    def values(self, deeds: Deeds) -> Floats:
        """How much each row counts."""
        return whole(deeds)

    def guesses(self, histories: Histories, values: Floats) -> Floats:
        """How much each title is to be expected beside a history whose rows weigh `values`."""
        guesses: Floats = self.answers(histories, [values])[0]
        return guesses

    def answers(self, histories: Histories, asked: Sequence[Floats]) -> Floats:
        """The guesses of several values, in one pass over the weights."""
        return answers_of(self.weights, self._silent, histories, asked)

    @cached_property
    def _silent(self) -> NDArray[np.int32]:
        return silent_of(self.supported, self.weights.shape[1])

    def arrays(self) -> Arrays:
        return {**square_arrays(self.weights), "supported": self.supported}

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        return cls(square_of(arrays), arrays["supported"])


def whole(deeds: Deeds) -> Floats:
    """Every title that the viewer wanted counts the same, those they did not want count against."""
    return np.sign(deeds.strength)


def fading(deeds: Deeds) -> Floats:
    """The last title counts one, the one before it half, then a third."""
    return np.float32(1) / (1 + deeds.from_end).astype(np.float32) * whole(deeds)


def above_mean(deeds: Deeds) -> Floats:
    """Stars above the viewer's own mean; a title without stars counts as one at the mean."""
    return np.where(deeds.strength > 0, deeds.above_mean + np.float32(0.5), np.float32(0))


def fit_autoencoder(histories: Histories, titles: int, params: AutoencoderParams) -> Autoencoder:
    return autoencoder_of(pairs_of(histories, titles, params), params)


def autoencoder_of(pairs: Pairs, params: AutoencoderParams) -> Autoencoder:
    """The counts are used up."""
    weights = inverse(pairs.together, params.regularization)
    weights /= -np.diag(weights).copy()
    np.fill_diagonal(weights, 0)
    return Autoencoder(among_all(strongest(weights, params.keep), pairs.supported, pairs.titles), pairs.supported)


def inverse(gram: Floats, regularization: float) -> Floats:
    """(gram + regularization I)^-1 of a symmetric matrix, in place and in float32: 17,770 titles take 1.3 GB."""
    if not len(gram):
        return gram
    with _two_threads(len(gram)):
        upper, _ = la.lapack.spotri(_factor(gram, regularization), lower=False, overwrite_c=True)
    return _mirrored(upper.T)


def solved(gram: Floats, wanted: Floats, regularization: float) -> Floats:
    """(gram + regularization I)^-1 wanted, of a symmetric matrix, in place of both."""
    if not len(gram):
        return wanted
    with _two_threads(len(gram)):
        factor = _factor(gram, regularization)
        by_column = wanted.T
        for transposed in (False, True):
            by_column = la.blas.strsm(1.0, factor, by_column, side=True, trans_a=transposed, overwrite_b=True)
    answer: Floats = by_column.T
    return answer


def _two_threads(size: int) -> AbstractContextManager[object]:
    """SciPy keeps the interpreter to itself meanwhile, so nothing else would use the other processor.

    Only SciPy's own BLAS has two: what other threads ask of NumPy's would come out rounded in another way, by chance.
    """
    if size <= _LARGE:
        return nullcontext()
    loaded = ThreadpoolController()
    paths = [Path(each.filepath) for each in loaded.lib_controllers]
    of_scipy = [str(path) for path in paths if any(part.startswith("scipy") for part in path.parts[-3:-1])]
    return cast("AbstractContextManager[object]", loaded.select(filepath=of_scipy).limit(limits=2))


def _factor(gram: Floats, regularization: float) -> Floats:
    """The upper Cholesky factor, in the place of the matrix."""
    gram[np.diag_indices_from(gram)] += np.float32(regularization)
    # LAPACK writes columns: the transpose of a symmetric matrix in rows is itself in columns, without a copy.
    factor: Floats = la.cho_factor(gram.T, lower=False, overwrite_a=True, check_finite=False)[0]
    return factor


def _mirrored(lower: Floats, block: int = 1024) -> Floats:
    """The lower triangle copied over the upper, block by block: no second matrix is made."""
    for at in range(0, len(lower), block):
        end = at + block
        lower[:at, at:end] = lower[at:end, :at].T
        corner = lower[at:end, at:end]
        corner[...] = np.tril(corner) + np.tril(corner, -1).T
    return lower
