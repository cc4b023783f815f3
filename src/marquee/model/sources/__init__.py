"""Candidate sources: each answers one question, how good is every title for a history?

A source is a frozen dataclass of arrays with a `name`, made by its `fit_...` function from histories alone, so that it
works for a viewer never seen in training and changes at once with one new event. NaN is no opinion. To add one: a file
here, and one line in sources/fitting.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.histories import Floats, Histories, Ints

Arrays = Mapping[str, NDArray[Any]]


class Source(Protocol):
    @property
    def name(self) -> str: ...

    def scores(self, histories: Histories, as_of: Ints) -> Floats:
        """Viewers x titles: how good each title is for each history as of each viewer's moment (epoch ms).

        The caller's own: it may be written to.
        """
        ...


@dataclass(frozen=True, eq=False)
class Shared:
    """What is said to many viewers alike: few different rows of scores."""

    rows: Floats  # x titles
    order: NDArray[np.int32]  # the titles of each row, the best first, and last those of which nothing is said
    row: Ints  # of each viewer

    @property
    def scores(self) -> Floats:
        return self.rows[self.row]


def in_order(scores: Floats) -> NDArray[np.int32]:
    """The titles, the best first, of equals the first; last those of which nothing is said."""
    return np.argsort(-scores, axis=-1, kind="stable").astype(np.int32)


class Fitted(Source, Protocol):
    """A source that knows something of its own; `restored` of its class makes the same source of the arrays."""

    def arrays(self) -> Arrays: ...


def narrow(matrix: sp.csr_array) -> sp.csr_array:
    """The same with places of four bytes, where they suffice: reading them is what adding up waits for."""
    if matrix.nnz <= np.iinfo(np.int32).max:
        matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    return matrix


def square_arrays(square: sp.csr_array) -> Arrays:
    """To be saved, of a sparse matrix of titles x titles."""
    return {"data": square.data, "indices": square.indices, "indptr": square.indptr}


def square_of(arrays: Arrays) -> sp.csr_array:
    titles = len(arrays["indptr"]) - 1
    return sp.csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(titles, titles))
