"""Lists: what a viewer should watch next, as one list or as a page of shelves, and the note of what was shown."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import get_args

import numpy as np

from marquee.data.events.validity import epoch_ms
from marquee.errors import RequestError
from marquee.model import shelves
from marquee.model.arrange import Rule, of_genres, of_kind, of_years
from marquee.model.candidates import hidden
from marquee.model.explain import Reason
from marquee.model.histories import Floats, Mask
from marquee.model.listing import Listed, Wish, as_of, listed, ranked
from marquee.serve import schemas as s
from marquee.serve.answers.cards import cards_of, stars_of
from marquee.serve.answers.viewers import Viewer
from marquee.serve.answers.wishes import deep, is_less, less_of, rules_of_viewer, toned
from marquee.serve.schemas.requests import ListRequest
from marquee.serve.served import Served
from marquee.serve.shown import Note, halved

TOP: s.Shelf = "top_picks"
BEGUN: s.Shelf = "continue_watching"
_FINISHED = frozenset({"watch_finished", "rewatched", "rated"})
PAGE: tuple[s.Shelf, ...] = get_args(s.Shelf)


@dataclass(frozen=True, eq=False)
class Asked:
    """One request of one viewer, of one model."""

    served: Served
    viewer: Viewer
    request: ListRequest
    now: datetime

    @property
    def moment(self) -> datetime:
        return self.request.at or self.now

    @property
    def profile(self) -> s.Profile:
        return self.viewer.profile

    @cached_property
    def less(self) -> Mask | None:
        return less_of(self.served, self.profile)

    @cached_property
    def rules(self) -> list[Rule]:
        excluded = Rule("excluded", ~np.isin(self.served.titles.ids, self.request.exclude))
        rules = rules_of(self.served, self.request.filters, self.viewer)
        return [*rules, excluded] if self.request.exclude else rules

    @property
    def diversity(self) -> float:
        wishes = self.request.diversity, self.profile.diversity, self.served.recommender.params.arrange.diversity
        return next(told for told in wishes if told is not None)

    @property
    def as_of(self) -> int:
        return as_of(self.viewer.history, self.served.until, epoch_ms(self.moment))


Show = Callable[[Note], None]


@dataclass(frozen=True, eq=False)
class _Filled:
    shelf: s.Shelf
    heading: str
    list_id: str
    made: Listed


def one_list(asked: Asked, shelf: s.Shelf, show: Show) -> s.ListReply:
    filled = _filled(asked, shelf, asked.rules)
    show(_note(asked, filled))
    (titles,) = _cards(asked, [filled])
    return s.ListReply(
        list_id=filled.list_id,
        user_id=asked.viewer.user_id,
        model=asked.served.version,
        at=asked.moment,
        known=asked.viewer.known,
        degraded=asked.viewer.degraded,
        titles=titles,
    )


def page(asked: Asked, show: Show) -> s.PageReply:
    """Every shelf that has anything; what stands on one is kept off those after it."""
    free, every = np.ones(len(asked.served.titles), bool), []
    for shelf in PAGE:
        filled = _filled(asked, shelf, [*asked.rules, Rule("on the page", free)])
        if len(filled.made.title):
            free[filled.made.title] = False
            every.append(filled)
            show(_note(asked, filled))
    told = zip(every, _cards(asked, every), strict=True)
    return s.PageReply(
        user_id=asked.viewer.user_id,
        model=asked.served.version,
        at=asked.moment,
        known=asked.viewer.known,
        degraded=asked.viewer.degraded,
        shelves=tuple(
            s.ShelfReply(shelf=filled.shelf, heading=filled.heading, list_id=filled.list_id, titles=titles)
            for filled, titles in told
        ),
    )


def rules_of(served: Served, filters: s.Filters, viewer: Viewer | None) -> list[Rule]:
    """What is asked, and what the viewer's own profile asks, as rules; RequestError for a genre that no title is of."""
    titles, rules = served.titles, []
    if filters.genres:
        if unknown := [name for name in filters.genres if name not in titles.genre_names]:
            raise RequestError(f"no title is of genre {unknown[0]!r}; there are {', '.join(titles.genre_names)}")
        rules.append(Rule("genres", of_genres(titles, filters.genres)))
    if filters.first_year is not None or filters.last_year is not None:
        years = filters.first_year or 0, filters.last_year or 9_999
        rules.append(Rule("years", of_years(titles, *years)))
    if filters.kind is not None:
        rules.append(Rule("kind", of_kind(titles, filters.kind)))
    if filters.age is not None:
        rules.append(Rule("age", served.suits(filters.age)))
    return [*rules, *rules_of_viewer(served, viewer, filters.region)]


def allowed_by(served: Served, rules: Sequence[Rule]) -> Mask:
    every: Mask = np.logical_and.reduce([np.ones(len(served.titles), bool), *(rule.allows for rule in rules)])
    return every


def _filled(asked: Asked, shelf: s.Shelf, rules: Sequence[Rule]) -> _Filled:
    list_id, model, k = uuid.uuid4().hex, asked.served.recommender, asked.request.k
    if shelf == TOP and k:
        return _Filled(shelf, "Top picks for you", list_id, _top(asked, list_id, rules))
    belongs = _SHELVES[shelf](asked) if k else None
    if belongs is None:
        return _Filled(shelf, "", list_id, ranked(model, np.empty(0, np.int64), np.empty(0, np.float32)))
    heading, score = belongs
    free = allowed_by(asked.served, rules) & ~hidden(asked.viewer.history, len(score))[0]
    less = None if shelf == BEGUN else asked.less
    made = ranked(model, *shelves.best(score, free, deep(k, less)))
    return _Filled(shelf, heading, list_id, toned(made, less, k))


def _top(asked: Asked, list_id: str, rules: Sequence[Rule]) -> Listed:
    wish = Wish(deep(asked.request.k, asked.less), asked.as_of, rules, asked.diversity, seed=int(list_id, 16))
    made = listed(asked.served.recommender, asked.viewer.history, wish, asked.served.shop)
    return toned(made, asked.less, asked.request.k)


def _cards(asked: Asked, every: Sequence[_Filled]) -> list[tuple[s.ListedTitle, ...]]:
    """The titles of each shelf. Stars are asked for once: most of what that costs is the viewer."""
    title = np.concatenate([np.empty(0, np.int64), *(filled.made.title for filled in every)])
    stars = iter(stars_of(asked.served, asked.viewer.history, title, asked.as_of).tolist())
    return [_cards_of(asked, filled, list(islice(stars, len(filled.made.title)))) for filled in every]


def _cards_of(asked: Asked, filled: _Filled, stars: Sequence[float]) -> tuple[s.ListedTitle, ...]:
    made = filled.made
    return cards_of(asked.served, made.title, made.score, stars, _reasons(asked, filled))


def _reasons(asked: Asked, filled: _Filled) -> Sequence[Reason]:
    """On a page, of the top picks alone: the others are there for what their heading says."""
    of_page = isinstance(asked.request, s.ShelvesRequest)
    if (of_page and filled.shelf != TOP) or not asked.request.explain or not len(filled.made.title):
        return ()
    made, moment = filled.made, np.array([asked.as_of])
    title = made.title[: asked.request.explained] if isinstance(asked.request, s.ShelvesRequest) else made.title
    return asked.served.explainer.reasons(asked.viewer.history, title, made.pool, moment)


def _note(asked: Asked, filled: _Filled) -> Note:
    of, made = (filled.list_id, asked.viewer.user_id, asked.now, filled.shelf, asked.served.version), filled.made
    features = None if made.pool is None else halved(made.features)
    return Note(*of, asked.served.titles.ids[made.title], made.score, made.propensity, features)


# A shelf's heading and how well every title belongs there; None for a shelf that has nothing for this viewer.
Belongs = tuple[str, Floats] | None


def _begun(asked: Asked) -> Belongs:
    return "Continue watching", shelves.begun(asked.viewer.events, asked.served.titles.ids)


def _because(asked: Asked) -> Belongs:
    title = shelves.last_liked(asked.viewer.history)
    if title is None:
        return None
    heading = f"Because you {_did(asked, title)} {asked.served.told['name'][title]}"
    return heading, shelves.like(asked.served.recommender, title)


def _did(asked: Asked, title: int) -> str:
    """A favourite that somebody new named was not finished here."""
    title_id = asked.served.told["title_id"][title]
    kinds = {event.kind for event in asked.viewer.events if event.title_id == title_id}
    return "liked" if "liked" in kinds and kinds.isdisjoint(_FINISHED) else "finished"


def _trending(asked: Asked) -> Belongs:
    return "Trending now", shelves.trending(asked.served.recommender, asked.viewer.history, asked.as_of)


def _new(asked: Asked) -> Belongs:
    return "New for you", shelves.new(asked.served.recommender, asked.viewer.history, asked.as_of)


def _popular(asked: Asked) -> Belongs:
    own = shelves.own_genres(asked.served.recommender, asked.viewer.history)
    genres = zip(asked.served.titles.genre_names, own, strict=True)
    names = [name for name, is_own in genres if is_own and not is_less(asked.profile, "genre", name)]
    if not names:
        return None
    left = np.isin(asked.served.titles.genre_names, names)
    return f"Popular in {', '.join(names)}", shelves.popular_in(asked.served.recommender, left)


# All but the top picks: those are the ranker's, not an order of all titles.
_SHELVES: Mapping[s.Shelf, Callable[[Asked], Belongs]] = MappingProxyType(
    {
        "continue_watching": _begun,
        "because_you_finished": _because,
        "trending": _trending,
        "new_for_you": _new,
        "popular_in_your_genres": _popular,
    }
)
