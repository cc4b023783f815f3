"""Doing: what viewers do becomes events of the store."""

import hashlib
import json
import secrets
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime

from marquee.data.events.validity import epoch_ms
from marquee.errors import RequestError, StoreError
from marquee.model.histories import Histories
from marquee.model.live import knows
from marquee.serve import schemas as s
from marquee.serve.answers.viewers import MOST_EVENTS, told_in
from marquee.serve.storing import Store

_SOURCE = "service"
# Above the ids of any source, and of what a browser can count exactly.
_FIRST_ID, _LAST_ID = 2**40, 2**53 - 1
_DRAWS = 10  # of an id; two that collide are one in a million million


def appended(store: Store, events: Sequence[object], now: datetime) -> s.EventsReply:
    receipt = store.append(events, now)
    refused = tuple(s.Refused(index=no.index, event_id=no.event_id, reason=no.reason) for no in receipt.refused)
    return s.EventsReply(accepted=receipt.accepted, duplicates=receipt.duplicates, refused=refused)


def finished(request: s.FinishedRequest, now: datetime) -> list[dict[str, object]]:
    """That it was watched to its end, and what the viewer thought of it."""
    event_id = request.event_id or uuid.uuid4().hex
    of = {"user_id": request.user_id, "title_id": request.title_id, "source": _SOURCE}
    of["happened_at"] = (request.happened_at or now).isoformat()
    events: list[dict[str, object]] = [{**of, "event_id": event_id, "kind": "watch_finished"}]
    if request.rating is not None:
        events.append({**of, "event_id": f"{event_id}-stars", "kind": "rated", "value": request.rating})
    if request.thumb is not None:
        kind = "liked" if request.thumb == "up" else "disliked"
        events.append({**of, "event_id": f"{event_id}-thumb", "kind": kind})
    return events


def signed_up(store: Store, request: s.SignUpRequest, trained: Histories, now: datetime) -> int:
    """The id of the new viewer, whom nobody was before: neither in the training nor in the store."""
    # The nonce makes another's event of the same id another event, and a retry's the same.
    nonce = secrets.token_hex(8) if request.event_id is None else _digest(request.event_id, 0).hex()
    for user_id in _ids(request.event_id):
        if _is_free(store, user_id, trained):
            receipt = store.append(_first_events(request, user_id, nonce, now), now)
            # Of two at the same moment only one has the event that is named by the id.
            if 0 not in {refusal.index for refusal in receipt.refused}:
                return user_id
        if request.event_id is not None and _signed_up_as(store, user_id, nonce):
            return user_id
    raise StoreError("event store: no id is free for a new viewer; try again")


def _ids(event_id: str | None) -> Iterator[int]:
    """At random; of the same event always the same ones."""
    for draw in range(_DRAWS):
        below = _LAST_ID - _FIRST_ID
        drawn = secrets.randbelow(below) if event_id is None else int.from_bytes(_digest(event_id, draw + 1)) % below
        yield _FIRST_ID + drawn


def _digest(event_id: str, number: int) -> bytes:
    return hashlib.blake2b(f"{number} {event_id}".encode(), digest_size=16).digest()


def _is_free(store: Store, user_id: int, trained: Histories) -> bool:
    deeds = store.deeds(user_id, 1)
    return not (knows(trained, user_id) or deeds.events or deeds.forgotten_until is not None)


def _signed_up_as(store: Store, user_id: int, nonce: str) -> bool:
    first = (event for event in store.deeds(user_id, MOST_EVENTS).events if event.event_id == _sign_up_id(user_id))
    return any(told_in(event.detail).get("nonce") == nonce for event in first)


def _sign_up_id(user_id: int) -> str:
    return f"sign-up-{user_id}"


def told(store: Store, user_id: int, profile: s.Profile, now: datetime) -> None:
    """What a viewer tells of themselves now, in the place of all that they told before, by whatever clock."""
    before = (event.happened_at for event in store.deeds(user_id, MOST_EVENTS).events if event.kind == "signed_up")
    at = max([epoch_ms(now), *(then + 1 for then in before)])
    event = {"event_id": uuid.uuid4().hex, "user_id": user_id, "happened_at": at, "source": _SOURCE}
    detail = json.dumps(profile.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False)
    receipt = store.append([{**event, "kind": "signed_up", "detail": detail}], now)
    if receipt.refused:
        raise RequestError(f"this profile cannot be kept: {receipt.refused[0].reason}")


def _first_events(request: s.SignUpRequest, user_id: int, nonce: str, now: datetime) -> list[dict[str, object]]:
    attributes = {name: getattr(request, name) for name in ("age_group", "gender", "region")}
    told = {name: value for name, value in attributes.items() if value is not None}
    of = {"user_id": user_id, "happened_at": now.isoformat(), "source": _SOURCE}
    detail, first_id = json.dumps({**told, "nonce": nonce}), _sign_up_id(user_id)
    liked = [
        {**of, "event_id": f"{first_id}-{place}", "title_id": title_id, "kind": "liked"}
        for place, title_id in enumerate(request.favourites)
    ]
    return [{**of, "event_id": first_id, "kind": "signed_up", "detail": detail}, *liked]
