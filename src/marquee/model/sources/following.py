"""What people watch after this one. Two sources from one count: how often a title came soon after another.

`following` adds up, over the recent titles of a history, how often each title came next. `sequence` is the ridge
regression of the next title on the fading history: it discounts what two neighbours in time both merely go along with.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import Arrays
from marquee.model.sources.adding import of_dense, of_sparse
from marquee.model.sources.autoencoder import inverse, supported_titles, whole
from marquee.params import FollowingParams, SequenceParams


@dataclass(frozen=True, eq=False)
class Following:
    name: str
    chances: sp.csr_array  # titles x titles: [watched, next]
    fade: float

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - order counts here, not dates
        scores = of_sparse(self.chances, histories, lately(histories, self.fade) * (histories.strength > 0))
        np.copyto(scores, np.float32(np.nan), where=scores <= 0)
        return scores

    def arrays(self) -> Arrays:
        matrix = self.chances
        return {
            "data": matrix.data,
            "indices": matrix.indices,
            "indptr": matrix.indptr,
            "fade": np.array(self.fade),
        }

    @classmethod
    def restored(cls, name: str, arrays: Arrays) -> Self:
        titles = len(arrays["indptr"]) - 1
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        return cls(name, sp.csr_array(parts, shape=(titles, titles)), float(arrays["fade"]))


@dataclass(frozen=True, eq=False)
class Sequence:
    name: ClassVar[str] = "sequence"
    weights: Floats  # supported x supported titles: [watched, next]
    supported: NDArray[np.int32]  # the title of each row of weights
    titles: int
    fade: float

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - order counts here, not dates
        values = lately(histories, self.fade) * whole(histories)
        scores: Floats = of_dense(self.weights, self.supported, self.titles, histories, values[None])[0]
        return scores

    def arrays(self) -> Arrays:
        return {
            "weights": self.weights,
            "supported": self.supported,
            "titles": np.array(self.titles),
            "fade": np.array(self.fade),
        }

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        return cls(arrays["weights"], arrays["supported"], int(arrays["titles"]), float(arrays["fade"]))


def faded(histories: Histories, fade: float) -> Floats:
    """1 for the last title of a history, `fade` for the one before it, then its square."""
    powers = np.power(np.float32(fade), np.arange(histories.counts.max(initial=0), dtype=np.float32))
    return powers[histories.from_end]


def lately(histories: Histories, fade: float) -> Floats:
    """The same, but 0 for what counts less than a thousandth."""
    values = faded(histories, fade)
    return np.where(values > 1e-3, values, np.float32(0))


def fit_following(name: str, histories: Histories, titles: int, params: FollowingParams) -> Following:
    after = soon_after(histories, titles, params.fade)
    counts = after + np.float32(params.backward) * after.T
    watched = np.bincount(histories.title, minlength=titles).astype(np.float32)
    chances = sp.diags_array(1 / (np.maximum(watched, 1) + np.float32(params.shrinkage))) @ counts
    return Following(name, strongest(sp.csr_array(chances, dtype=np.float32), params.keep), params.fade)


def fit_sequence(histories: Histories, titles: int, params: SequenceParams) -> Sequence:
    supported = supported_titles(histories, titles, params.support, params.most)
    after = soon_after(histories, titles, params.fade)[supported][:, supported].toarray()
    watched = np.bincount(histories.title, minlength=titles)[supported].astype(np.float32)
    # The exact Gram matrix of fading histories: each pair of titles meets in every later history of the viewer.
    gram = (after + after.T) * np.float32(params.fade)
    gram[np.diag_indices_from(gram)] += watched
    gram /= np.float32(1 - params.fade**2)
    return Sequence(inverse(gram, params.regularization) @ after, supported, titles, params.fade)


def soon_after(histories: Histories, titles: int, fade: float) -> sp.csr_array:
    """[a, b]: how often b came after a in a history, each time weighing fade^(titles in between)."""
    user = histories.user
    counts = sp.csr_array((titles, titles), dtype=np.float32)
    for steps in range(1, int(np.ceil(np.log(0.02) / np.log(fade)))):
        same = user[:-steps] == user[steps:]
        before, after = histories.title[:-steps][same], histories.title[steps:][same]
        weight = np.full(len(before), fade ** (steps - 1), np.float32)
        counts = counts + sp.csr_array((weight, (before, after)), shape=(titles, titles))
    return sp.csr_array(counts)


def strongest(matrix: sp.csr_array, keep: int) -> sp.csr_array:
    """The matrix with only the `keep` largest entries of each row."""
    counts = np.diff(matrix.indptr)
    row = np.repeat(np.arange(matrix.shape[0]), counts)
    order = np.lexsort((matrix.indices, -matrix.data, row))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - np.repeat(matrix.indptr[:-1], counts)
    kept = place < keep
    starts = np.concatenate([[0], np.cumsum(np.bincount(row[kept], minlength=matrix.shape[0]))])
    return sp.csr_array((matrix.data[kept], matrix.indices[kept], starts), shape=matrix.shape)
