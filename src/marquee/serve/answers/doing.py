"""Doing: what viewers do becomes events of the store."""

import json
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime

from marquee.errors import RequestError, StoreError
from marquee.model.histories import Histories
from marquee.model.live import knows
from marquee.serve import schemas as s
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
    for _ in range(_DRAWS):
        user_id = _FIRST_ID + secrets.randbelow(_LAST_ID - _FIRST_ID)
        deeds = store.deeds(user_id, 1)
        if knows(trained, user_id) or deeds.events or deeds.forgotten_until is not None:
            continue
        receipt = store.append(_first_events(request, user_id, now), now)
        # Of two at the same moment only one has the event that is named by the id.
        if 0 not in {refusal.index for refusal in receipt.refused}:
            return user_id
    raise StoreError("event store: no id is free for a new viewer; try again")


def told(store: Store, user_id: int, profile: s.Profile, now: datetime) -> None:
    """What a viewer tells of themselves now, in the place of all that they told before."""
    event = {"event_id": uuid.uuid4().hex, "user_id": user_id, "happened_at": now.isoformat(), "source": _SOURCE}
    detail = json.dumps(profile.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False)
    receipt = store.append([{**event, "kind": "signed_up", "detail": detail}], now)
    if receipt.refused:
        raise RequestError(f"this profile cannot be kept: {receipt.refused[0].reason}")


def _first_events(request: s.SignUpRequest, user_id: int, now: datetime) -> list[dict[str, object]]:
    attributes = {name: getattr(request, name) for name in ("age_group", "gender", "region")}
    told = {name: value for name, value in attributes.items() if value is not None}
    of = {"user_id": user_id, "happened_at": now.isoformat(), "source": _SOURCE}
    # The nonce makes another's event of the same id another event.
    detail = json.dumps({**told, "nonce": secrets.token_hex(8)})
    liked = [
        {**of, "event_id": uuid.uuid4().hex, "title_id": title_id, "kind": "liked"} for title_id in request.favourites
    ]
    return [{**of, "event_id": f"sign-up-{user_id}", "kind": "signed_up", "detail": detail}, *liked]
