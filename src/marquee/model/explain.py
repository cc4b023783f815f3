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
from marquee.model.rescored import Rescorer, Without, rescorers
from marquee.model.sources import Source
from marquee.model.titles import Titles
from marquee.model.wording import Teller, words_of
from marquee.params import ExplainParams, SignalsParams

# By the source that says so; what comes later in the table is said rather.
_FAME: Mapping[str, str] = MappingProxyType({"popular": "Popular with many viewers", "trending": "Popular right now"})
_NEAR = 50  # of the best: how far a title is seen to fall
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
        rescored = rescorers(self.ranking.sources, history, pool)
        rows = self._rows(rescored, pool, _leaving_out(history, np.empty(0, np.int64), as_of))
        contributions = self.ranking.contributions(rows[place])
        carried = shares(self._voices(contributions), history, title)
        without = _leaving_out(history, tried := self._likeliest(history, carried), as_of)
        near = np.union1d(place, np.argsort(-self.ranking.score(rows), kind="stable")[:_NEAR])
        anew = self._rows(rescored, pool, without).reshape(len(tried) + 1, len(pool), -1)[:, near]
        effects = self._effects(history, tried, anew, np.searchsorted(near, place))
        fame = self._fame(history, title, as_of)
        return [
            self._reason(history, _Found(int(title[n]), carried[:, n], effects[:, n], contributions[n, :-1], fame[n]))
            for n in range(len(title))
        ]

    def _rows(self, rescored: Sequence[Rescorer], title: Ints, without: Without) -> Floats:
        """Features of the same titles as candidates of every history."""
        viewers, names = len(without.histories), tuple(source.name for source in self.ranking.sources)
        scores = np.stack([scores_of(without).ravel() for scores_of in rescored], axis=1)
        candidates = Candidates(names, np.arange(viewers + 1) * len(title), np.tile(title, viewers), scores)
        return self.ranking.describe(candidates, without.histories, without.as_of)

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

    def _effects(self, history: Histories, tried: Ints, rows: Floats, place: Ints) -> Floats:
        """Rows of the history x titles: the ranks a title falls without the row; its score decides between equals."""
        scores = self.ranking.score(rows.reshape(-1, rows.shape[2])).reshape(rows.shape[:2])
        above = (scores[:, None, :] > scores[:, place, None]).sum(axis=2)
        lost = scores[0, place] - scores[:, place]
        effects = np.zeros((len(history.title), len(place)), np.float32)
        fall = above - above[0]
        effects[tried] = np.where(fall > 0, fall + lost / (1 + 2 * np.abs(lost)), 0)[1:]
        return effects

    def _fame(self, history: Histories, title: Ints, as_of: Ints) -> list[str]:
        """What is to be told of titles that nothing in the history speaks for."""
        told = np.full(len(title), "Something else for a change", object)
        sources = {source.name: source for source in self.ranking.sources}
        for name in [name for name in _FAME if name in sources]:
            scores = np.nan_to_num(sources[name].scores(history, as_of)[0], nan=-np.inf)
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


def _leaving_out(history: Histories, rows: Ints, as_of: Ints) -> Without:
    """The whole history, and then without each of the rows."""
    left_out = np.zeros((len(rows) + 1, len(history.title)), bool)
    left_out[np.arange(len(rows)) + 1, rows] = True
    copies = history.of(np.zeros(len(rows) + 1, np.int64))
    return Without(copies.where(~left_out.ravel()), np.nonzero(~left_out)[1], np.repeat(as_of, len(copies)))


def _largest(values: Floats, count: int) -> Ints:
    """Where the largest are, if above 0."""
    best = np.argsort(-values, kind="stable")[:count]
    return best[values[best] > 0]
