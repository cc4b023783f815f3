"""The look-up: one viewer and one title, and what each step on the way to a list made of it.

The steps are the recommender's own, asked once more; a title that was out early is still described and scored, to tell
what it would have been.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from marquee.model.arrange import Rows, arrange
from marquee.model.candidates import hidden
from marquee.model.explain import Pool
from marquee.model.features import said_by
from marquee.model.histories import Floats, Histories, Ints, Mask
from marquee.model.listing import ranked
from marquee.model.recommender import Proposed
from marquee.model.sources.together import said_by_all
from marquee.model.wording import words_of
from marquee.serve import schemas
from marquee.serve.answers.cards import card, known, reason_of, stars_of
from marquee.serve.answers.lists import Asked
from marquee.serve.answers.wishes import deep, toned
from marquee.serve.schemas import operator as s

_LISTED = 100


def look_up(asked: Asked, title: int) -> s.LookUpReply:
    case = _Case(asked, title)
    served, viewer = asked.served, asked.viewer
    (stars,) = stars_of(served, viewer.history, np.array([title]), asked.as_of)
    return s.LookUpReply(
        user_id=viewer.user_id,
        model=served.version,
        known=viewer.known,
        degraded=viewer.degraded,
        history=len(viewer.history.title),
        title=schemas.Card(**card(served, title)),
        stars=known(stars),
        depth=case.depth,
        sources=tuple(sorted(case.sources(), key=lambda said: (said.rank is None, said.rank))),
        filters=tuple(case.filters()),
        features=tuple(sorted(case.features(), key=lambda said: -abs(said.contribution))),
        ranks=case.ranks(),
        reason=case.reason(),
    )


@dataclass(frozen=True, eq=False)
class _Case:
    asked: Asked
    title: int

    @property
    def depth(self) -> int:
        return self.asked.served.recommender.params.sources.depth

    @property
    def history(self) -> Histories:
        return self.asked.viewer.history

    @cached_property
    def moment(self) -> Ints:
        return np.array([self.asked.as_of])

    @cached_property
    def seen(self) -> Mask:
        """What this viewer has seen or refused."""
        seen: Mask = hidden(self.history, len(self.asked.served.titles))[0]
        return seen

    @cached_property
    def open(self) -> Mask:
        """Titles that may be shown."""
        closed = self.seen.copy()
        for rule in self.asked.rules:
            closed |= ~rule.allows
        return ~closed

    @cached_property
    def proposed(self) -> Proposed:
        return self.asked.served.recommender.propose(self.history, self.moment, self.asked.rules)

    @cached_property
    def pool(self) -> Pool:
        """The candidates, and this title among them in any case."""
        among = self.proposed.pool.found.title
        if self.title in among:
            return self.proposed.pool
        return self.asked.served.explainer.pool_of(np.append(among, self.title), self.history, self.moment)

    @property
    def row(self) -> int:
        return int(np.searchsorted(self.pool.found.title, self.title))

    def sources(self) -> Iterator[s.SourceSaid]:
        sources = self.asked.served.recommender.sources
        for source, said in zip(sources, said_by_all(sources, self.history, self.moment), strict=True):
            score, rank = said[0, self.title], self._rank_among(said[0])
            yield s.SourceSaid(
                source=source.name,
                words=words_of(said_by(source.name)[0]),
                score=known(score),
                rank=rank,
                proposed=bool(self.open[self.title]) and rank is not None and rank <= self.depth,
            )

    def _rank_among(self, said: Floats) -> int | None:
        """Of equals, those that come first among the titles."""
        own = said[self.title]
        if np.isnan(own):
            return None
        before = self.open & ((said > own) | ((said == own) & (np.arange(len(said)) < self.title)))
        return int(np.count_nonzero(before)) + 1

    def filters(self) -> Iterator[s.FilterSaid]:
        yield self._history_filter()
        for rule in self.asked.rules:
            passed = bool(rule.allows[self.title])
            yield s.FilterSaid(filter=rule.reason, passed=passed, told="allowed" if passed else "this leaves it out")
        copy = "nearly the same as one: it comes after all others" if self.is_copy else "unlike any"
        yield s.FilterSaid(filter="near copies of what was refused", passed=not self.is_copy, told=copy)
        is_less = self.asked.less is not None and bool(self.asked.less[self.title])
        less = "of what shall be less: it stands further down" if is_less else "nothing that shall be less"
        yield s.FilterSaid(filter="less of this", passed=not is_less, told=less)

    def _history_filter(self) -> s.FilterSaid:
        theirs = self.history.title == self.title
        refused = bool((theirs & self.history.hides & (self.history.strength < 0)).any())
        if refused:
            told = "the viewer refused it"
        elif self.seen[self.title]:
            told = "the viewer has seen it"
        else:
            told = "begun, and still open" if theirs.any() else "new to this viewer"
        return s.FilterSaid(filter="seen or refused", passed=not self.seen[self.title], told=told)

    @cached_property
    def is_copy(self) -> bool:
        """Its score was lowered beneath all others."""
        scored = self.proposed.kept.scored
        place = np.flatnonzero(scored.title == self.title)
        return bool(len(place) and scored.score[place[0]] < self.pool.score[self.row])

    def features(self) -> Iterator[s.FeatureSaid]:
        names, values = self.asked.served.recommender.feature_names, self.pool.features[self.row]
        for name, value, contribution in zip(names, values, self.contributions[:-1], strict=True):
            yield s.FeatureSaid(
                feature=name, words=words_of(name), value=known(value), contribution=float(contribution)
            )

    @cached_property
    def contributions(self) -> Floats:
        rows = self.pool.features[self.row : self.row + 1]
        contributions: Floats = self.asked.served.recommender.contributions(rows)[0]
        return contributions

    def ranks(self) -> s.Ranks:
        scored = self.proposed.kept.scored
        is_candidate = bool((self.proposed.pool.found.title == self.title).any())
        in_list = np.flatnonzero(self.listed == self.title)
        return s.Ranks(
            score=float(self.pool.score[self.row]),
            base=float(self.contributions[-1]),
            candidates=len(self.proposed.pool.found.title),
            by_score=_rank(self.pool.found.title, self.pool.score, self.title) if is_candidate else None,
            after_filters=_rank(scored.title, scored.score, self.title),
            in_list=int(in_list[0]) + 1 if len(in_list) else None,
            listed=len(self.listed),
        )

    @cached_property
    def listed(self) -> Ints:
        """As the top picks are arranged, but for the slot that explores."""
        asked, recommender = self.asked, self.asked.served.recommender
        params = recommender.params.arrange.model_copy(update={"diversity": asked.diversity})
        lists = arrange(self.proposed.kept, deep(_LISTED, asked.less), asked.served.shop, params)
        made = ranked(recommender, lists.title.astype(np.int64), lists.score)
        return toned(made, asked.less, _LISTED).title

    def reason(self) -> schemas.Reason | None:
        """Of its place among the candidates; there is none of what the viewer has watched."""
        if self.seen[self.title]:
            return None
        title = np.array([self.title])
        (reason,) = self.asked.served.explainer.reasons(self.history, title, self.pool, self.moment)
        return reason_of(self.asked.served, reason)


def _rank(titles: Rows | Ints, scores: Floats, title: int) -> int | None:
    ranked = titles[np.argsort(-scores, kind="stable")]
    place = np.flatnonzero(ranked == title)
    return int(place[0]) + 1 if len(place) else None
