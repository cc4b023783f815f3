"""Tastes: explicit factors of titles and viewers, each known as far as its ratings tell.

stars = mean + title's bias + viewer's bias + viewer's factors . title's factors, fitted by variational Bayes: every
side has a mean and a spread, so that whatever few have rated stays near what is expected, by itself and at any size of
the data. Expected is what follows from what was watched (watched.py), with stars or without. A viewer's side is one
solve from the history alone. Viewers who rate at random are learnt from less.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from marquee.model.histories import FEW, Floats, Histories, Ints
from marquee.model.stars.sides import Side, Sums, viewers_sums
from marquee.model.stars.watched import Watched

_ROUNDING = 1e-3
_READINGS = 2  # of a history: how reliable a viewer is follows from a first answer


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
        if len(histories.title) > FEW:
            return self._viewers(histories)
        known = self._known.get(histories)
        if known is None:
            known = self._known[histories] = self._viewers(histories)
        return known

    @cached_property
    def _known(self) -> "WeakKeyDictionary[Histories, Viewers]":
        """Of histories that somebody still asks about: a list asks for what to expect, and then for its stars."""
        return WeakKeyDictionary()

    def _viewers(self, histories: Histories) -> Viewers:
        rated, expected = histories.rated, self.watched.viewers(histories) @ self.from_watched
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
        return Said(*viewers_sums(rated.starts, rated.title, self.above(rated), self.titles))

    def above(self, rated: Histories) -> Floats:
        """Stars above the mean of all."""
        above: Floats = rated.rating - np.float32(self.mean)
        return above

    def solved(self, said: "Said", expected: Floats, reliability: Floats) -> tuple[Side, Floats]:
        """The viewers, and the sum of their squared errors as if all were as reliable as usual."""
        side = said.sums.solved(reliability, self._viewer_prior, expected, self.noise)
        return side, np.maximum(said.squares - said.sums.explained(side), 0).astype(np.float32)

    def reliability(self, errors: Floats, counts: Ints) -> Floats:
        usual = self.support * self.noise
        return (self.noise * (self.support + counts) / (usual + errors)).astype(np.float32)

    @property
    def _viewer_prior(self) -> Floats:
        prior = np.ones(self.titles.means.shape[1], np.float32)
        prior[0] = self.bias_prior
        return prior

    def says_the_same(self, other: "Tastes") -> bool:
        """Learnt of the same stars by the same recipe: rounding apart, titles are where they are in the other one."""
        return np.shape(self.titles.means) == np.shape(other.titles.means) and np.allclose(
            self.titles.means, other.titles.means, rtol=0, atol=_ROUNDING
        )

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
