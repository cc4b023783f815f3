"""Tastes: explicit factors of titles and viewers, each known as far as its ratings tell.

stars = mean + title's bias + viewer's bias + viewer's factors . title's factors, fitted by variational Bayes: every
side has a mean and a spread, so that whatever few have rated stays near what is expected, by itself and at any size of
the data. Expected is what follows from what was watched (watched.py), with stars or without. A viewer's side is one
solve from the history alone. Viewers who rate at random are learnt from less.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources.adding import of_rows
from marquee.model.stars.watched import Watched

_READINGS = 2  # of a history: how reliable a viewer is follows from a first answer


@dataclass(frozen=True, eq=False)
class Side:
    """Titles or viewers: column 0 is the bias, the others are factors."""

    means: Floats  # rows x (1 + factors)
    covariances: Floats  # rows x (1 + factors) x (1 + factors)

    @cached_property
    def regressors(self) -> Floats:
        """What the other side is solved against: a 1 for its bias, and these factors."""
        regressors = self.means.copy()
        regressors[:, 0] = 1
        return regressors

    @cached_property
    def squares(self) -> Floats:
        """The expected outer products of the regressors, one flat row each."""
        spread = self.covariances.copy()
        spread[:, 0, :] = spread[:, :, 0] = 0
        spread += self.regressors[:, :, None] * self.regressors[:, None, :]
        return spread.reshape(len(spread), -1)

    @cached_property
    def bias_times_regressors(self) -> Floats:
        product = self.regressors * self.means[:, :1] + self.covariances[:, 0, :]
        product[:, 0] = self.means[:, 0]
        return product

    @cached_property
    def bias_square(self) -> Floats:
        return self.means[:, 0] ** 2 + self.covariances[:, 0, 0]

    def moments_around(self, expected: Floats) -> Floats:
        """Expected squares of how far each bias and factor is from what was expected."""
        moments: Floats = (self.means - expected) ** 2 + np.diagonal(self.covariances, axis1=1, axis2=2)
        return moments


@dataclass(frozen=True, eq=False)
class Sums:
    """All that a side has to be solved from."""

    squares: Floats
    products: Floats

    @classmethod
    def of(cls, starts: Ints, rows: NDArray[np.integer[Any]], weights: Floats, stars: Floats, others: Side) -> "Sums":
        """Of runs of ratings, each of a row of the others; `stars` are above the mean of all, times their weights."""
        size = others.means.shape[1]
        squares = of_rows(others.squares, starts, rows, weights).reshape(-1, size, size)
        biases = of_rows(others.bias_times_regressors, starts, rows, weights)
        return cls(squares, of_rows(others.regressors, starts, rows, stars) - biases)

    def times(self, weight: Floats) -> "Sums":
        """As if everything of a row had this weight."""
        return Sums(self.squares * weight[:, None, None], self.products * weight[:, None])

    def solved(self, prior: Floats, expected: Floats, noise: float) -> Side:
        """By prior precisions around what is expected of each row."""
        precision = self.squares / np.float32(noise)
        diagonal = np.arange(len(prior))
        precision[:, diagonal, diagonal] += prior
        covariances = np.linalg.inv(precision)
        means = np.einsum("nij,nj->ni", covariances, self.products / np.float32(noise) + prior * expected)
        return Side(means, covariances)

    def explained(self, side: Side) -> Floats:
        """What each row takes off the squared stars that are left after the other side's biases."""
        both = side.means[:, :, None] * side.means[:, None, :] + side.covariances
        taken: Floats = 2 * (side.means * self.products).sum(1) - (both * self.squares).sum((1, 2))
        return taken


@dataclass(frozen=True, eq=False)
class Said:
    sums: Sums
    squares: Floats  # of the stars that are left after the titles' biases


@dataclass(frozen=True, eq=False)
class Viewers:
    side: Side
    reliability: Floats  # 1 is usual; below, the stars say less


@dataclass(frozen=True, eq=False)
class Tastes:
    mean: float  # of all stars
    noise: float  # variance of a usual viewer's stars around what is expected
    bias_prior: float  # precision of viewers' biases; that of their factors is 1
    support: float  # ratings after which a viewer's own reliability counts as much as the usual one
    titles: Side
    watched: Watched
    from_watched: Floats  # width x (1 + factors): what to expect of a viewer

    def viewers(self, histories: Histories) -> Viewers:
        """Those whose histories these are: what fitting would have made of them."""
        rated, expected = with_stars(histories), self.watched.viewers(histories) @ self.from_watched
        said, reliability = self.said_by(rated), np.ones(len(rated), np.float32)
        for _ in range(_READINGS):
            side, errors = self.solved(said, expected, reliability)
            reliability = self.reliability(errors, rated.counts)
        return Viewers(side, reliability)

    def stars(self, viewers: Viewers, user: Ints, title: Ints) -> Floats:
        biases = self.titles.means[title, 0] + viewers.side.means[user, 0]
        factors = np.einsum("pk,pk->p", viewers.side.means[user, 1:], self.titles.means[title, 1:])
        return np.asarray(self.mean + biases + factors, np.float32)

    def said_by(self, rated: Histories) -> "Said":
        """What the stars of viewers say, as if all were as reliable as usual."""
        ones, above = np.ones(len(rated.title), np.float32), rated.rating - np.float32(self.mean)
        sums = Sums.of(rated.starts, rated.title, ones, above, self.titles)
        means = self.titles.means[rated.title, 0]
        squares = above**2 - 2 * above * means + self.titles.bias_square[rated.title]
        return Said(sums, np.bincount(rated.user, squares, len(rated)).astype(np.float32))

    def solved(self, said: "Said", expected: Floats, reliability: Floats) -> tuple[Side, Floats]:
        """The viewers, and the sum of their squared errors as if all were as reliable as usual."""
        side = said.sums.times(reliability).solved(self._viewer_prior, expected, self.noise)
        return side, np.maximum(said.squares - said.sums.explained(side), 0).astype(np.float32)

    def reliability(self, errors: Floats, counts: Ints) -> Floats:
        usual = self.support * self.noise
        return (self.noise * (self.support + counts) / (usual + errors)).astype(np.float32)

    @property
    def _viewer_prior(self) -> Floats:
        prior = np.ones(self.titles.means.shape[1], np.float32)
        prior[0] = self.bias_prior
        return prior

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        return {
            "title_means": self.titles.means,
            "title_covariances": self.titles.covariances,
            "tastes": np.array([self.mean, self.noise, self.bias_prior, self.support]),
            "from_watched": self.from_watched,
            **self.watched.arrays(),
        }

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        mean, noise, bias_prior, support = np.asarray(arrays["tastes"], np.float64).tolist()
        titles = Side(np.asarray(arrays["title_means"]), np.asarray(arrays["title_covariances"]))
        expected = np.asarray(arrays["from_watched"], np.float32)
        return cls(mean, noise, bias_prior, support, titles, Watched.restored(arrays), expected)


def with_stars(histories: Histories) -> Histories:
    return histories.where(~np.isnan(histories.rating))
