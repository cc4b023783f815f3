"""Explain: which titles of a viewer's history carry a title, which features raised it, and that in one sentence.

Who is named is found out, not guessed: the likeliest carriers are left out of the history one at a time, what the
sources lose with them is taken from their scores, the ranker scores anew, and those without whom the title stands lower
are named, the one that matters most first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from marquee.model.candidates import Candidates, said_of
from marquee.model.carried import Carriers
from marquee.model.carried.without import Without
from marquee.model.features import said_by
from marquee.model.histories import Floats, Histories, Ints, rows_of
from marquee.model.rescored import rescored
from marquee.model.sources import Source
from marquee.model.standing import best_with, falls, largest, likeliest
from marquee.model.titles import Titles
from marquee.model.wording import Teller, words_of
from marquee.params import ExplainParams, SignalsParams

# By the source that says so; what comes later in the table is said rather.
_FAME: Mapping[str, str] = MappingProxyType({"popular": "Popular with many viewers", "trending": "Popular right now"})
Texts = NDArray[np.object_]

_NEAR = 20  # of the best: how far a title is seen to fall
_FELT = np.float32(0.01)  # of what lies between the first and the last of those: who leads by less does not stand above
_WHOLE = "It goes with all that you watched"  # no single title of the history matters to its rank


class Ranking(Protocol):
    """What explaining needs of a recommender."""

    @property
    def titles(self) -> Titles: ...

    @property
    def sources(self) -> Sequence[Source]: ...

    @property
    def feature_names(self) -> Sequence[str]: ...

    @property
    def watched(self) -> Floats:
        """How many viewers watched each title."""
        ...

    def describe(self, candidates: Candidates, histories: Histories, as_of: Ints) -> Floats: ...

    def score(self, rows: Floats) -> Floats: ...

    def contributions(self, rows: Floats) -> Floats:
        """Rows x features and, last, what every row begins with; each row sums to its score."""
        ...


@dataclass(frozen=True, eq=False)
class Pool:
    """The candidates of one viewer that titles stand among, as they were described and scored."""

    found: Candidates
    features: Floats
    score: Floats


@dataclass(frozen=True)
class Reason:
    title: int
    sentence: str
    named: tuple[int, ...]  # titles of the history without which this one stands lower, the most important first
    carried: tuple[tuple[int, float], ...]  # titles of the history, those named first of all, by the share of each
    raised: tuple[tuple[str, float], ...]  # what raised its score most, in words, and by how much


@dataclass(frozen=True, eq=False)
class Explainer:
    ranking: Ranking
    signals: SignalsParams
    params: ExplainParams

    def reasons(self, history: Histories, title: Ints, pool: Pool | None, as_of: Ints) -> list[Reason]:
        """A reason for each title; `history` is one viewer's. Without a pool they stand among themselves."""
        pool = self._with(title, pool, history, as_of)
        place = np.searchsorted(pool.found.title, title)
        contributions = self.ranking.contributions(pool.features[place])
        carriers = Carriers(self.ranking.sources, history, pool.found.title)
        carried = carriers.shares(place, self._loudness(contributions))
        effects, rows = np.zeros_like(carried), likeliest(history, carried, self.params.tries)
        effects[rows] = self._effects(carriers, Without(history, rows), pool, place)
        otherwise = np.full(len(title), _WHOLE, object)
        unsaid = ~carried.any(axis=0)
        if unsaid.any():
            otherwise[unsaid] = self._fame(history, title[unsaid], as_of)
        return self._told(history, title, carried, effects, contributions[:, :-1], otherwise)

    def pool_of(self, title: Ints, history: Histories, as_of: Ints) -> Pool:
        """Of any titles."""
        found = said_of(np.unique(title), self.ranking.sources, history, as_of)
        features = self.ranking.describe(found, history, as_of)
        return Pool(found, features, self.ranking.score(features))

    def _with(self, title: Ints, pool: Pool | None, history: Histories, as_of: Ints) -> Pool:
        """The pool, if these titles are of it; or one of both."""
        if pool is None:
            return self.pool_of(title, history, as_of)
        among = pool.found.title
        is_there = len(among) > 0 and bool((rows_of(among, title) >= 0).all())
        return pool if is_there else self.pool_of(np.union1d(among, title), history, as_of)

    def _loudness(self, contributions: Floats) -> Floats:
        """Sources x titles: how much the features of each source raised each title."""
        loudness: Floats = np.maximum(self._of_source @ contributions[:, :-1].T, 0)
        return loudness

    def _effects(self, carriers: Carriers, without: Without, pool: Pool, place: Ints) -> Floats:
        """Rows x titles: the ranks a title falls without the row; its score decides between equals."""
        near, here = best_with(pool.score, place, _NEAR)
        return falls(pool.score[near], self._without(carriers, without, pool, near), here, _FELT)

    def _without(self, carriers: Carriers, without: Without, pool: Pool, near: Ints) -> Floats:
        """Rows x near titles: the ranker's scores when no source hears of the row."""
        scores = np.ascontiguousarray(pool.found.scores.T)
        features = rescored(scores, carriers.lost(without), near, pool.features[near], self._columns)
        return self.ranking.score(features.reshape(-1, features.shape[2])).reshape(features.shape[:2])

    @cached_property
    def _of_source(self) -> Floats:
        """Sources x features: 1 where the source speaks."""
        said = [said_by(source.name) for source in self.ranking.sources]
        return np.array([[name in names for name in self.ranking.feature_names] for names in said], np.float32)

    @cached_property
    def _columns(self) -> Ints:
        """Sources x what each says: among the features; -1 for what is none of them."""
        place = {feature: number for number, feature in enumerate(self.ranking.feature_names)}
        return np.array([[place.get(name, -1) for name in said_by(source.name)] for source in self.ranking.sources])

    def _fame(self, history: Histories, title: Ints, as_of: Ints) -> list[str]:
        """What is to be told of titles that nothing in the history speaks for."""
        told = np.full(len(title), "Something else for a change", object)
        sources = {source.name: source for source in self.ranking.sources}
        for name in [name for name in _FAME if name in sources]:
            scores = np.nan_to_num(sources[name].scores(history, as_of)[0], nan=-np.inf)
            told[(scores >= np.quantile(scores, self.params.popular_from, method="higher"))[title]] = _FAME[name]
        return [str(words) for words in told]

    def _told(  # noqa: PLR0913, PLR0917 - one array for each thing that is told
        self, history: Histories, title: Ints, carried: Floats, effects: Floats, added: Floats, otherwise: Texts
    ) -> list[Reason]:
        """Of each title what was found out, by row of the history and by feature; `otherwise` where that is nothing."""
        telling, (words, which) = self._teller.of(history), self._words
        most, every = self.params.told, history.title.tolist()
        of_each = zip(
            title.tolist(),
            carried.T,
            _largest(effects, self.params.named),
            _largest(carried, most),
            _largest((added @ which).T, most),
            otherwise,
            strict=True,
        )
        return [
            Reason(
                title=asked,
                sentence=telling.sentence(asked, [row for row, _ in named]) or instead,
                named=tuple(every[row] for row, _ in named),
                carried=tuple((every[row], share) for row, share in _shares(shares, [*named, *carriers], most)),
                raised=tuple((words[number], by) for number, by in raised),
            )
            for asked, shares, named, carriers, raised, instead in of_each
        ]

    @cached_property
    def _words(self) -> tuple[list[str], Floats]:
        """What features say, each once, and features x words: 1 where the feature says it; they count together."""
        said = [words_of(feature) for feature in self.ranking.feature_names]
        words = list(dict.fromkeys(said))
        return words, np.array([[each == word for word in words] for each in said], np.float32)

    @cached_property
    def _teller(self) -> Teller:
        return Teller(self.ranking.titles, self.ranking.watched, self.signals, self.params)


def _largest(values: Floats, count: int) -> list[list[tuple[int, float]]]:
    """Of each column, where the largest are and what they are, if above 0."""
    rows, sizes = largest(values, count, np.zeros(len(values), np.bool_))
    pairs = (zip(*both, strict=True) for both in zip(rows.tolist(), sizes.tolist(), strict=True))
    return [[(row, size) for row, size in of_title if size > 0] for of_title in pairs]


def _shares(shares: Floats, rows: Sequence[tuple[int, float]], count: int) -> list[tuple[int, float]]:
    """The shares of the first so many of these rows, the largest first: who is named in the sentence is among them."""
    first = list(dict.fromkeys(row for row, _ in rows))[:count]
    return sorted(((row, float(shares[row])) for row in first), key=lambda each: -each[1])
