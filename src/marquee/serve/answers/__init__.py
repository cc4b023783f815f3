"""Answers: one method an endpoint, without HTTP. Requests and the moment come in, replies go out.

Each answer takes one reference to the model at its start and uses it to the end, so no reply mixes two versions. What
cannot be answered is a RequestError or a NotFoundError; a store that is away is a StoreError where there is nothing to
say without it, and `degraded` in the reply where there is.

lists.py    lists, pages of shelves, filters
viewers.py  a viewer of this moment
telling.py  what is known of one title, of one viewer
doing.py    what viewers do: events, finishing, signing up
searching.py what a search finds, in a viewer's order
own.py      a viewer's own things: tastes, history, what they saved
wishes.py   what a profile asks of every list
starting.py what somebody new is shown
bringing.py a history from elsewhere
cards.py    titles as replies have them
"""

from collections.abc import Callable
from datetime import datetime

import numpy as np

from marquee.data.events.validity import epoch_ms, moment_of
from marquee.errors import NotFoundError
from marquee.model import shelves
from marquee.model.arrange import Rule
from marquee.model.candidates import hidden
from marquee.model.listing import as_of
from marquee.params import Params
from marquee.serve import schemas as s
from marquee.serve.answers import doing, own, telling
from marquee.serve.answers.bringing import Brought, brought_reply
from marquee.serve.answers.cards import card, known, stars_of
from marquee.serve.answers.lists import TOP, Asked, allowed_by, one_list, page, rules_of
from marquee.serve.answers.operator_lookup import look_up
from marquee.serve.answers.searching import found_titles
from marquee.serve.answers.starting import start_reply
from marquee.serve.answers.viewers import Viewers
from marquee.serve.schemas.operator import LookUpReply, LookUpRequest
from marquee.serve.schemas.requests import ListRequest
from marquee.serve.served import Served
from marquee.serve.shown import Shown
from marquee.serve.storing import Store


class Answers:
    """Threads may share one."""

    def __init__(self, served: Callable[[], Served], store: Store, shown: Shown) -> None:
        self._served, self._store, self._shown = served, store, shown
        self._viewers = Viewers(store)

    def recommend(self, request: s.RecommendRequest, now: datetime) -> s.ListReply:
        return one_list(self._asked(request, request.user_id, now), request.shelf or TOP, self._shown.put)

    def shelves(self, request: s.ShelvesRequest, now: datetime) -> s.PageReply:
        return page(self._asked(request, request.user_id, now), self._shown.put)

    def events(self, request: s.EventsRequest, now: datetime) -> s.EventsReply:
        return doing.appended(self._store, request.events, now)

    def finished(self, request: s.FinishedRequest, now: datetime) -> s.FinishedReply:
        _row_of(self._served(), request.title_id)
        events = doing.appended(self._store, doing.finished(request, now), now)
        return s.FinishedReply(events=events, next=self._next(request, request.user_id, now))

    def sign_up(self, request: s.SignUpRequest, now: datetime) -> s.SignUpReply:
        served = self._served()
        for title_id in request.favourites:
            _row_of(served, title_id)
        user_id = doing.signed_up(self._store, request, served.recommender.histories, now)
        return s.SignUpReply(user_id=user_id, next=self._next(request, user_id, now))

    def similar(self, request: s.SimilarRequest, now: datetime) -> s.SimilarReply:  # noqa: ARG002 - as every endpoint
        served = self._served()
        title = _row_of(served, request.title_id)
        viewer = None if request.user_id is None else self._viewers.now(served, request.user_id)
        rules = rules_of(served, request.filters, viewer)
        if viewer is not None:
            rules.append(Rule("seen", ~hidden(viewer.history, len(served.titles))[0]))
        free = allowed_by(served, rules)
        rows, score = shelves.best(shelves.likeness(served.recommender, title), free, request.k)
        told = zip(rows.tolist(), score.tolist(), strict=True)
        titles = tuple(
            s.SimilarTitle(**card(served, row), rank=rank, score=score) for rank, (row, score) in enumerate(told, 1)
        )
        return s.SimilarReply(title_id=request.title_id, model=served.version, titles=titles)

    def stars(self, request: s.StarsRequest, now: datetime) -> s.StarsReply:
        served = self._served()
        viewer = self._viewers.now(served, request.user_id)
        rows = [served.row_of(title_id) for title_id in request.title_ids]
        there = np.array([row for row in rows if row is not None], np.int64)
        moment = as_of(viewer.history, served.until, epoch_ms(now))
        stars = dict(zip(there.tolist(), stars_of(served, viewer.history, there, moment).tolist(), strict=True))
        told = zip(request.title_ids, rows, strict=True)
        return s.StarsReply(
            user_id=request.user_id,
            model=served.version,
            degraded=viewer.degraded,
            stars=tuple(
                s.StarsOfTitle(title_id=title_id, stars=None if row is None else known(stars[row]))
                for title_id, row in told
            ),
        )

    def search(self, request: s.SearchRequest, now: datetime) -> s.SearchReply:
        served = self._served()
        viewer = None if request.user_id is None else self._viewers.now(served, request.user_id)
        return s.SearchReply(
            query=request.query,
            model=served.version,
            degraded=viewer is not None and viewer.degraded,
            titles=found_titles(served, viewer, request, now),
        )

    def title(self, title_id: int, now: datetime) -> s.TitleReply:  # noqa: ARG002 - as every endpoint
        served = self._served()
        return telling.title_reply(served, _row_of(served, title_id))

    def viewer(self, user_id: int, now: datetime) -> s.ViewerReply:  # noqa: ARG002 - as every endpoint
        served = self._served()
        return telling.viewer_reply(served, self._viewers.now(served, user_id))

    def profile(self, user_id: int) -> s.ProfileReply:
        served = self._served()
        return own.profile_reply(served, self._viewers.now(served, user_id))

    def tell(self, user_id: int, profile: s.Profile, now: datetime) -> s.ProfileReply:
        doing.told(self._store, user_id, profile, now)
        return self.profile(user_id)

    def taste(self, user_id: int) -> s.TasteReply:
        served = self._served()
        return own.taste_reply(served, self._viewers.now(served, user_id))

    def history(self, user_id: int, skip: int, limit: int) -> s.HistoryReply:
        served = self._served()
        viewer, rated = self._viewers.now(served, user_id), self._viewers.rated(served, user_id)
        return own.history_reply(served, viewer, rated, skip, limit)

    def saved(self, user_id: int, now: datetime) -> s.SavedReply:
        served = self._served()
        viewer = self._viewers.now(served, user_id)
        return own.saved_reply(served, viewer, as_of(viewer.history, served.until, epoch_ms(now)))

    def own_title(self, user_id: int, title_id: int, now: datetime) -> s.OwnTitleReply:
        served = self._served()
        viewer = self._viewers.now(served, user_id)
        moment = as_of(viewer.history, served.until, epoch_ms(now))
        return own.own_title_reply(served, viewer, _row_of(served, title_id), moment)

    def undo(self, user_id: int, request: s.UndoRequest) -> s.UndoReply:
        return s.UndoReply(user_id=user_id, undone=self._store.undo(user_id, request.event_ids))

    def bring(self, brought: Brought, params: Params, now: datetime) -> s.BroughtReply:
        return brought_reply(self._served(), self._store, params, brought, now)

    def start(self, anybody: bool) -> s.StartReply:
        return start_reply(self._served(), anybody)

    def export(self, user_id: int, now: datetime) -> s.ExportReply:  # noqa: ARG002 - as every endpoint
        served = self._served()
        events = tuple(self._store.export(user_id))
        learnt = telling.learnt_of(served, self._viewers.trained(served, user_id))
        return s.ExportReply(user_id=user_id, events=events, learnt=learnt)

    def forget(self, user_id: int, now: datetime) -> s.ForgetReply:
        events = self._store.forget(user_id, now)
        self._viewers.forget(user_id, epoch_ms(now))
        return s.ForgetReply(user_id=user_id, events=events)

    def model(self) -> s.ModelReply:
        served = self._served()
        return s.ModelReply(
            version=served.version,
            fingerprint=served.fingerprint,
            since=served.since,
            until=moment_of(served.until),
            viewers=len(served.recommender.histories),
            titles=len(served.titles),
            trained_on=dict(served.facts),
        )

    def look_up(self, request: LookUpRequest, now: datetime) -> LookUpReply:
        served = self._served()
        title = _row_of(served, request.title_id)
        return look_up(self._asked(ListRequest(filters=request.filters), request.user_id, now), title)

    def _asked(self, request: ListRequest, user_id: int, now: datetime) -> Asked:
        served = self._served()
        return Asked(served, self._viewers.now(served, user_id), request, now)

    def _next(self, request: ListRequest, user_id: int, now: datetime) -> s.ListReply:
        return one_list(self._asked(request, user_id, now), TOP, self._shown.put)


def _row_of(served: Served, title_id: int) -> int:
    """NotFoundError for a title that the model does not know."""
    row = served.row_of(title_id)
    if row is None:
        raise NotFoundError(f"title {title_id} is unknown to the model; search finds those there are")
    return row
