"""Lists: what a viewer should watch next, as one list or as a page of shelves, and the note of what was shown."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import get_args

import numpy as np

from marquee.data.events.validity import epoch_ms
from marquee.errors import RequestError
from marquee.model import shelves
from marquee.model.arrange import Rule, for_age, of_genres, of_kind, of_years
from marquee.model.candidates import hidden
from marquee.model.explain import Reason
from marquee.model.histories import Floats, Mask
from marquee.model.listing import Listed, Wish, as_of, listed, ranked
from marquee.serve import schemas as s
from marquee.serve.answers.cards import cards_of, stars_of
from marquee.serve.answers.viewers import Viewer
from marquee.serve.schemas.requests import ListRequest
from marquee.serve.served import Served
from marquee.serve.shown import Note

TOP: s.Shelf = "top_picks"
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
    def as_of(self) -> int:
        return as_of(self.viewer.history, self.served.until, epoch_ms(self.moment))


Show = Callable[[Note], None]


def one_list(asked: Asked, shelf: s.Shelf, show: Show) -> s.ListReply:
    list_id = uuid.uuid4().hex
    _, made = _made(asked, shelf, list_id, rules_of(asked.served, asked.request.filters, asked.request.exclude))
    show(_note(asked, shelf, list_id, made))
    return s.ListReply(
        list_id=list_id,
        user_id=asked.viewer.user_id,
        model=asked.served.version,
        at=asked.moment,
        known=asked.viewer.known,
        degraded=asked.viewer.degraded,
        titles=_cards(asked, made),
    )


def page(asked: Asked, show: Show) -> s.PageReply:
    """Every shelf that has anything; what stands on one is kept off those after it."""
    rules = rules_of(asked.served, asked.request.filters, asked.request.exclude)
    free = np.ones(len(asked.served.titles), bool)
    filled = []
    for shelf in PAGE:
        list_id = uuid.uuid4().hex
        heading, made = _made(asked, shelf, list_id, [*rules, Rule("on the page", free.copy())])
        free[made.title] = False
        if len(made.title):
            show(_note(asked, shelf, list_id, made))
            filled.append(s.ShelfReply(shelf=shelf, heading=heading, list_id=list_id, titles=_cards(asked, made)))
    return s.PageReply(
        user_id=asked.viewer.user_id,
        model=asked.served.version,
        at=asked.moment,
        known=asked.viewer.known,
        degraded=asked.viewer.degraded,
        shelves=tuple(filled),
    )


def rules_of(served: Served, filters: s.Filters, exclude: Sequence[int] = ()) -> list[Rule]:
    """The filters as rules; RequestError for a genre that no title is of."""
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
        rules.append(Rule("age", for_age(titles, filters.age, served.recommender.params.arrange)))
    if exclude:
        rules.append(Rule("excluded", ~np.isin(titles.ids, exclude)))
    return rules


def allowed_by(served: Served, rules: Sequence[Rule]) -> Mask:
    every: Mask = np.logical_and.reduce([np.ones(len(served.titles), bool), *(rule.allows for rule in rules)])
    return every


def _made(asked: Asked, shelf: s.Shelf, list_id: str, rules: Sequence[Rule]) -> tuple[str, Listed]:
    """The heading of a shelf, and its titles."""
    model, k = asked.served.recommender, asked.request.k
    if shelf == TOP and k:
        return "Top picks for you", _top(asked, list_id, rules)
    belongs = _SHELVES[shelf](asked) if k else None
    if belongs is None:
        return "", ranked(model, np.empty(0, np.int64), np.empty(0, np.float32))
    heading, score = belongs
    free = allowed_by(asked.served, rules) & ~hidden(asked.viewer.history, len(score))[0]
    return heading, ranked(model, *shelves.best(score, free, k))


def _top(asked: Asked, list_id: str, rules: Sequence[Rule]) -> Listed:
    told, params = asked.request.diversity, asked.served.recommender.params.arrange
    diversity = params.diversity if told is None else told
    wish = Wish(asked.request.k, asked.as_of, rules, diversity, seed=int(list_id, 16))
    return listed(asked.served.recommender, asked.viewer.history, wish, asked.served.shop)


def _cards(asked: Asked, made: Listed) -> tuple[s.ListedTitle, ...]:
    stars = stars_of(asked.served, asked.viewer.history, made.title, asked.as_of)
    return cards_of(asked.served, made.title, made.score, stars, _reasons(asked, made))


def _reasons(asked: Asked, made: Listed) -> Sequence[Reason]:
    if not asked.request.explain or not len(made.title):
        return ()
    moment = np.array([asked.as_of])
    return asked.served.explainer.reasons(asked.viewer.history, made.title, made.pool, moment)


def _note(asked: Asked, shelf: s.Shelf, list_id: str, made: Listed) -> Note:
    ids = tuple(asked.served.titles.ids[made.title].tolist())
    return Note(list_id, asked.viewer.user_id, asked.now, shelf, asked.served.version, ids, made)


# A shelf's heading and how well every title belongs there; None for a shelf that has nothing for this viewer.
Belongs = tuple[str, Floats] | None


def _begun(asked: Asked) -> Belongs:
    return "Continue watching", shelves.begun(asked.viewer.events, asked.served.titles.ids)


def _because(asked: Asked) -> Belongs:
    title = shelves.last_liked(asked.viewer.history)
    if title is None:
        return None
    return f"Because you finished {asked.served.told['name'][title]}", shelves.like(asked.served.recommender, title)


def _trending(asked: Asked) -> Belongs:
    return "Trending now", shelves.trending(asked.served.recommender, asked.viewer.history, asked.as_of)


def _new(asked: Asked) -> Belongs:
    return "New for you", shelves.new(asked.served.recommender, asked.viewer.history, asked.as_of)


def _popular(asked: Asked) -> Belongs:
    own = shelves.own_genres(asked.served.recommender, asked.viewer.history)
    names = [name for name, is_own in zip(asked.served.titles.genre_names, own, strict=True) if is_own]
    if not names:
        return None
    return f"Popular in {', '.join(names)}", shelves.popular_in(asked.served.recommender, own)


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
