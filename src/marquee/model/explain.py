"""Explain: which titles of a viewer's history carry a title, which features raised it, and that in one sentence.

Who is named is found out, not guessed: the likeliest carriers are left out of the history one at a time, everything is
scored anew, and those without whom the title stands lower are named, the one that matters most first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Protocol

import numpy as np

from marquee.model.candidates import Candidates
from marquee.model.carried import shares
from marquee.model.features import said_by
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import Source
from marquee.model.titles import Titles
from marquee.model.wording import Teller, words_of
from marquee.params import ExplainParams, SignalsParams

# By the source that says so; what comes later in the table is said rather.
_FAME: Mapping[str, str] = MappingProxyType({"popular": "Popular with many viewers", "trending": "Popular right now"})
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


@dataclass(frozen=True)
class Reason:
    title: int
    sentence: str
    named: tuple[int, ...]  # titles of the history without which this one stands lower, the most important first
    carried: tuple[tuple[int, float], ...]  # titles of the history, and the share that each carries
    raised: tuple[tuple[str, float], ...]  # what raised its score most, in words, and by how much


@dataclass(frozen=True, eq=False)
class _Found:
    """What was found out about one title."""

    title: int
    carried: Floats  # one a row of the history
    effect: Floats  # one a row of the history
    contributions: Floats  # one a feature
    fame: str


@dataclass(frozen=True, eq=False)
class Explainer:
    ranking: Ranking
    signals: SignalsParams
    params: ExplainParams

    def reasons(self, history: Histories, title: Ints, pool: Ints, as_of: Ints) -> list[Reason]:
        """A reason for each title; `history` is one viewer's, `pool` the candidates that the titles stand among."""
        pool = np.union1d(pool, title)
        place = np.searchsorted(pool, title)
        said = [source.scores(history, as_of) for source in self.ranking.sources]
        rows = self.ranking.describe(self._candidates(said, pool), history, as_of)[place]
        contributions = self.ranking.contributions(rows)
        carried = shares(self._voices(contributions), history, title)
        effects = self._effects(history, self._likeliest(history, carried), pool, place, as_of)
        fame = self._fame(said, title)
        return [
            self._reason(history, _Found(int(title[n]), carried[:, n], effects[:, n], contributions[n, :-1], fame[n]))
            for n in range(len(title))
        ]

    def _voices(self, contributions: Floats) -> list[tuple[Source, Floats]]:
        """Each source with how much its features raised each title."""
        names = self.ranking.feature_names
        of_source = [[name in said_by(source.name) for name in names] for source in self.ranking.sources]
        raised = contributions[:, :-1] @ np.array(of_source, np.float32).T
        return list(zip(self.ranking.sources, np.maximum(raised, 0).T, strict=True))

    def _likeliest(self, history: Histories, carried: Floats) -> Ints:
        """The rows that carry most of any of the titles; not those that the viewer themselves thought little of."""
        little = (history.strength <= 0) | (history.rating < np.floor(history.mean_rating))
        carried = np.where(little[:, None], 0, carried)
        best = np.argsort(-carried, axis=0, kind="stable")[: self.params.tries]
        return np.unique(best[np.take_along_axis(carried, best, 0) > 0])

    def _effects(self, history: Histories, tried: Ints, pool: Ints, place: Ints, as_of: Ints) -> Floats:
        """Rows of the history x titles: the ranks a title falls without the row; its score decides between equals."""
        copies = history.of(np.zeros(len(tried) + 1, np.int64))
        left_out = np.zeros((len(copies), len(history.title)), bool)
        left_out[np.arange(len(tried)) + 1, tried] = True
        without = copies.where(~left_out.ravel())
        moments = np.repeat(as_of, len(copies))
        candidates = self._candidates([source.scores(without, moments) for source in self.ranking.sources], pool)
        scores = self.ranking.score(self.ranking.describe(candidates, without, moments)).reshape(len(copies), -1)
        above = (scores[:, None, :] > scores[:, place, None]).sum(axis=2)
        lost = scores[0, place] - scores[:, place]
        effects = np.zeros((len(history.title), len(place)), np.float32)
        fall = above - above[0]
        effects[tried] = np.where(fall > 0, fall + lost / (1 + 2 * np.abs(lost)), 0)[1:]
        return effects

    def _candidates(self, said: Sequence[Floats], title: Ints) -> Candidates:
        """The same titles as candidates of every viewer, with what the sources say of them."""
        viewers, names = len(said[0]), tuple(source.name for source in self.ranking.sources)
        scores = np.stack([scores[:, title].ravel() for scores in said], axis=1)
        return Candidates(names, np.arange(viewers + 1) * len(title), np.tile(title, viewers), scores)

    def _fame(self, said: Sequence[Floats], title: Ints) -> list[str]:
        """What is to be told of titles that nothing in the history speaks for."""
        told = np.full(len(title), "Something else for a change", object)
        names = [source.name for source in self.ranking.sources]
        for name in [name for name in _FAME if name in names]:
            scores = np.nan_to_num(said[names.index(name)][0], nan=-np.inf)
            told[(scores >= np.quantile(scores, self.params.popular_from, method="higher"))[title]] = _FAME[name]
        return [str(words) for words in told]

    def _reason(self, history: Histories, found: _Found) -> Reason:
        named = [int(row) for row in _largest(found.effect, self.params.named)]
        told = _largest(found.carried, self.params.told)
        return Reason(
            found.title,
            self._teller.sentence(history, found.title, named) or (_WHOLE if found.carried.any() else found.fame),
            tuple(int(history.title[row]) for row in named),
            tuple((int(history.title[row]), float(found.carried[row])) for row in told),
            self._raised(found.contributions),
        )

    def _raised(self, contributions: Floats) -> tuple[tuple[str, float], ...]:
        """Features that say the same count together."""
        words, which = self._words
        raised = np.bincount(which, contributions, len(words)).astype(np.float32)
        return tuple((words[n], float(raised[n])) for n in _largest(raised, self.params.told))

    @cached_property
    def _words(self) -> tuple[list[str], Ints]:
        """What features say, each once, and which of it each feature says."""
        said = [words_of(feature) for feature in self.ranking.feature_names]
        words = list(dict.fromkeys(said))
        return words, np.array([words.index(each) for each in said])

    @cached_property
    def _teller(self) -> Teller:
        return Teller(self.ranking.titles, self.ranking.watched, self.signals, self.params)


def _largest(values: Floats, count: int) -> Ints:
    """Where the largest are, if above 0."""
    best = np.argsort(-values, kind="stable")[:count]
    return best[values[best] > 0]
