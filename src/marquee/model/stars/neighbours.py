"""Neighbours: titles whose stars go together above the biases; what a viewer gave them says what this one will get.

The biases here are means, shrunk: of a title, and of a viewer above their titles' means.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Histories, Ints
from marquee.params import LikenessParams

_USUAL_OF_TITLE, _USUAL_OF_VIEWER = 5, 10  # ratings after which a mean is believed by half
_TITLES = 1_024  # at once: bounds memory, changes nothing


@dataclass(frozen=True, eq=False)
class Neighbours:
    titles: NDArray[np.int32]  # titles x neighbours
    weights: Floats  # shrunk correlations; 0 where a title has fewer neighbours
    title_means: Floats

    def expected(self, rated: Histories, user: Ints, title: Ints) -> tuple[Floats, Floats, Floats]:
        """Stars expected of title and viewer alone; by how much it should be more, from the viewer's neighbouring rows;
        and how much those weigh in all.
        """
        above = _viewer_biases(rated, self.title_means)
        surprises = rated.rating - (self.title_means[rated.title] + above[rated.user])
        more, support = np.zeros((2, len(user)), np.float32)
        in_turn, runs = np.argsort(user, kind="stable"), (rated.starts, rated.title, surprises)
        _ask_around(*runs, self.titles, self.weights, user, title, in_turn, more, support)
        return self.title_means[title] + above[user], more, support

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        return {"neighbours": self.titles, "neighbour_weights": self.weights, "means": self.title_means}

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        weights, means = (np.asarray(arrays[name], np.float32) for name in ("neighbour_weights", "means"))
        return cls(np.asarray(arrays["neighbours"], np.int32), weights, means)


def fit_neighbours(rated: Histories, titles: int, params: LikenessParams) -> Neighbours:
    """From each viewer's latest rows only: what all pairs of a long history cost is its length squared."""
    means = _title_means(rated, titles)
    recent = rated.last(params.rows)
    surprises = recent.rating - means[recent.title] - _viewer_biases(rated, means)[recent.user]
    found = list(_nearest(recent, surprises, titles, params))
    near, weights = (np.vstack(parts) for parts in zip(*found, strict=True))
    return Neighbours(near, weights, means)


def _title_means(rated: Histories, titles: int) -> Floats:
    mean = rated.rating.mean() if len(rated.rating) else 0.0
    above, counts = np.bincount(rated.title, rated.rating - mean, titles), np.bincount(rated.title, minlength=titles)
    return (mean + above / (counts + _USUAL_OF_TITLE)).astype(np.float32)


def _viewer_biases(rated: Histories, title_means: Floats) -> Floats:
    above = np.bincount(rated.user, rated.rating - title_means[rated.title], len(rated))
    return (above / (rated.counts + _USUAL_OF_VIEWER)).astype(np.float32)


def _nearest(
    rated: Histories, surprises: Floats, titles: int, params: LikenessParams
) -> Iterator[tuple[NDArray[np.int32], Floats]]:
    by_title = rated.matrix(surprises, titles).tocsc()
    counts = np.bincount(rated.title, minlength=titles)
    scale = np.sqrt(np.bincount(rated.title, surprises**2, titles) / np.maximum(counts, 1)).astype(np.float32)
    kept = min(params.titles, titles)
    for begin in range(0, titles, _TITLES):
        rows = np.arange(begin, min(begin + _TITLES, titles))
        together, often = np.zeros((2, len(rows), titles), np.float32)
        own = by_title.indptr[begin : begin + len(rows) + 1]
        _add_pairs(own, by_title.indices, by_title.data, rated.starts, rated.title, surprises, together, often)
        spread = np.maximum(scale[rows, None] * scale, np.float32(1e-6))
        weights = (together / (often + np.float32(params.shrinkage)) / spread).astype(np.float32)
        weights[np.arange(len(rows)), rows] = 0
        near = np.argpartition(-np.abs(weights), kept - 1, axis=1)[:, :kept].astype(np.int32)
        yield near, np.take_along_axis(weights, near, axis=1)


@compiled
def _ask_around(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    starts: Ints,
    rated: NDArray[np.int32],
    surprises: Floats,
    near: NDArray[np.int32],
    weights: Floats,
    user: Ints,
    title: Ints,
    in_turn: Ints,
    more: Floats,
    support: Floats,
) -> None:
    """Of pairs in the order of their viewers: each viewer's rows are laid out once."""
    known = np.full(len(near), np.nan, np.float32)
    viewer = -1
    for pair in in_turn:
        if user[pair] != viewer:
            if viewer >= 0:
                for row in range(starts[viewer], starts[viewer + 1]):
                    known[rated[row]] = np.nan
            viewer = user[pair]
            for row in range(starts[viewer], starts[viewer + 1]):
                known[rated[row]] = surprises[row]
        total, weighed = np.float32(0), np.float32(0)
        for n in range(near.shape[1]):
            surprise, weight = known[near[title[pair], n]], weights[title[pair], n]
            if not np.isnan(surprise):
                total += weight * surprise
                weighed += abs(weight)
        more[pair], support[pair] = total / (np.float32(1) + weighed), weighed


@compiled
def _add_pairs(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    own: NDArray[np.int32],
    viewers: NDArray[np.int32],
    surprises_of: Floats,
    starts: Ints,
    titles: NDArray[np.int32],
    surprises: Floats,
    together: Floats,
    often: Floats,
) -> None:
    """Of some titles, for each viewer of theirs, whatever else the viewer rated: products, and how many they are."""
    for title in range(len(own) - 1):
        product, count = together[title], often[title]
        for n in range(own[title], own[title + 1]):
            of_title = surprises_of[n]
            for other in range(starts[viewers[n]], starts[viewers[n] + 1]):
                product[titles[other]] += of_title * surprises[other]
                count[titles[other]] += 1
