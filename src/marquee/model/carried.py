"""Carried: how much each row of one viewer's history adds to a source's score of a title.

Exact: over the rows, what is carried sums to the source's score. A source that can be told apart so is one function
here and one line in `carried_by`; one that cannot carries nothing and leaves the others to speak.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from marquee.model.histories import Floats, Histories, Ints, Mask
from marquee.model.sources import Source
from marquee.model.sources.als import Als
from marquee.model.sources.autoencoder import Autoencoder, whole
from marquee.model.sources.following import Following, Sequence, faded


def carried_by(source: Source, history: Histories, title: Ints) -> Floats:
    """Rows of the history x titles; zeros where a source has no opinion or cannot tell."""
    match source:
        case Als():
            return _by_als(source, history, title)
        case Autoencoder():
            return _by_weights(source.weights, source.supported, whole(history), history, title)
        case Sequence():
            values = faded(history, source.fade) * whole(history)
            return _by_weights(source.weights, source.supported, values, history, title)
        case Following():
            values = faded(history, source.fade) * (history.strength > 0)
            chances: Floats = source.chances[history.title][:, title].toarray()
            return values[:, None] * chances
        case _:
            return np.zeros((len(history.title), len(title)), np.float32)


def shares(sources: Iterable[tuple[Source, Floats]], history: Histories, title: Ints) -> Floats:
    """Rows x titles: what each row carries of a title when each source speaks with its weight (one a title).

    In one column the sizes sum to 1, or to 0 where no source that can tell speaks for the title.
    """
    total = np.zeros((len(history.title), len(title)), np.float32)
    for source, weight in sources:
        total += weight * _scaled(carried_by(source, history, title))
    return _scaled(total)


def _scaled(carried: Floats) -> Floats:
    size: Floats = np.abs(carried).sum(axis=0)
    size[size == 0] = 1
    return carried / size


def _by_als(als: Als, history: Histories, title: Ints) -> Floats:
    """A fold-in is one linear solve, x = inverse(A) b, and b is a sum over the rows that were wanted."""
    confidence = als.alpha * history.strength.astype(np.float64)
    factors = als.title_factors[history.title].astype(np.float64)
    extra = np.where(confidence != 0, np.abs(confidence) - 1, 0)
    solved = als.gram + als.regularization * np.eye(len(als.gram)) + factors.T @ (extra[:, None] * factors)
    liked = np.maximum(confidence, 0)[:, None] * factors
    carried: Floats = (liked @ np.linalg.solve(solved, als.title_factors[title].T)).astype(np.float32)
    return carried


def _by_weights(
    weights: Floats, supported: NDArray[np.int32], values: Floats, history: Histories, title: Ints
) -> Floats:
    row, known_row = _place(history.title.astype(np.int64), supported)
    column, known_column = _place(title, supported)
    carried = values[:, None] * weights[np.ix_(row, column)]
    return np.where(known_row[:, None] & known_column, carried, np.float32(0))


def _place(title: Ints, supported: NDArray[np.int32]) -> tuple[Ints, Mask]:
    """Where each title stands among the supported, and whether it does."""
    place = np.minimum(np.searchsorted(supported, title), len(supported) - 1)
    return place, supported[place] == title
