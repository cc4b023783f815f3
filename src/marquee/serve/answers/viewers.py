"""Viewers as they are at this moment: what training knew of one, and what the event store has of them since."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf
from time import monotonic

from pydantic import ValidationError

from marquee.data.events import Event
from marquee.errors import StoreError
from marquee.model.attributes import codes_of
from marquee.model.histories import Histories
from marquee.model.live import after, history_now, knows, viewer_of, with_what_was_told
from marquee.serve import schemas as s
from marquee.serve.served import Served
from marquee.serve.storing import Store

MOST_EVENTS = 5_000  # of one viewer, the latest
_MOST_TOLD = 100_000  # viewers whose profile is remembered in case the store goes away
_SLOW_S = 0.5  # to fail: a store that refuses at once is asked each time, and so is back at once
_PAUSE_S = 5.0  # in which a store that was slow to fail is not asked: threads would all wait for it


@dataclass(frozen=True, eq=False)
class Viewer:
    user_id: int
    history: Histories
    events: tuple[Event, ...]  # without what was only shown
    told: Mapping[str, object]  # attributes, as they were told last
    known: bool
    degraded: bool  # the store was away: what they did since the training is not known

    @cached_property
    def profile(self) -> s.Profile:
        """What of what they told still makes sense: anybody may have sent the event it comes from."""
        told = {name: value for name, value in self.told.items() if name in s.Profile.model_fields}
        try:
            return s.Profile.model_validate(told)
        except ValidationError as error:
            wrong = {fault["loc"][0] for fault in error.errors()}
            return s.Profile.model_validate({name: value for name, value in told.items() if name not in wrong})


class Viewers:
    def __init__(self, store: Store, seconds: Callable[[], float] = monotonic) -> None:
        self._store, self._seconds = store, seconds
        self._away_until = -inf
        # Who is to be forgotten has to be so while the store is away, too.
        self._forgotten = _forgotten(store)
        self._told: dict[int, Mapping[str, object]] = {}  # a ceiling has to hold then, too

    def now(self, served: Served, user_id: int) -> Viewer:
        began = self._seconds()
        if began < self._away_until:
            return self._without_store(served, user_id)
        try:
            deeds = self._store.deeds(user_id, MOST_EVENTS)
        except StoreError:
            self._note_failure(began)
            return self._without_store(served, user_id)
        if deeds.forgotten_until is not None:
            self._forgotten[user_id] = deeds.forgotten_until
        model, trained = served.recommender, self.trained(served, user_id)
        rated = self.rated(served, user_id) if knows(model.before_events, user_id) else trained
        history = history_now(rated, deeds.events, served.titles.ids, served.signals)
        told = self._noted(user_id, _told(deeds.events))
        history = with_what_was_told(history, trained.attributes, codes_of(told, model.regions))
        known = bool(deeds.events) or self._is_of_training(served, user_id)
        return Viewer(user_id, history, deeds.events, told, known, degraded=False)

    def rated(self, served: Served, user_id: int) -> Histories:
        """What they had rated before any event."""
        model = served.recommender
        of = model.before_events if knows(model.before_events, user_id) else model.histories
        return self._remembered(viewer_of(of, user_id))

    def trained(self, served: Served, user_id: int) -> Histories:
        """What the model was trained on of one viewer, as far as they may be known."""
        return self._remembered(viewer_of(served.recommender.histories, user_id))

    def forget(self, user_id: int, until: int) -> None:
        self._forgotten[user_id] = until
        self._told.pop(user_id, None)

    def _note_failure(self, began: float) -> None:
        ended = self._seconds()
        if ended - began > _SLOW_S:
            self._away_until = ended + _PAUSE_S

    def _without_store(self, served: Served, user_id: int) -> Viewer:
        history = self.trained(served, user_id)
        told = self._told.get(user_id, {})
        return Viewer(user_id, history, (), told, self._is_of_training(served, user_id), degraded=True)

    def _noted(self, user_id: int, told: Mapping[str, object]) -> Mapping[str, object]:
        if not told:
            self._told.pop(user_id, None)
        elif user_id in self._told or len(self._told) < _MOST_TOLD:
            self._told[user_id] = told
        return told

    def _remembered(self, history: Histories) -> Histories:
        """Without what happened before the viewer asked to be forgotten, and without what they told of themselves."""
        until = self._forgotten.get(int(history.user_ids[0]))
        return history if until is None else after(history, until)

    def _is_of_training(self, served: Served, user_id: int) -> bool:
        return user_id not in self._forgotten and knows(served.recommender.histories, user_id)


def _forgotten(store: Store) -> dict[int, int]:
    try:
        return dict(store.forgotten())
    except StoreError:
        return {}


def _told(events: Iterable[Event]) -> Mapping[str, object]:
    """What a viewer told of themselves last."""
    details = [event.detail for event in events if event.kind == "signed_up"]
    return told_in(details[-1]) if details else {}


def told_in(detail: str | None) -> Mapping[str, object]:
    """The named values of a detail; none of one that is no JSON object, for anybody may have sent it."""
    try:
        told = json.loads(detail or "{}")
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
