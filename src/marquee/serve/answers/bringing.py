"""Bringing: what a viewer watched elsewhere, from a file of theirs, told of before anything is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marquee.data.events import Event
from marquee.data.events.validity import epoch_ms
from marquee.data.history_import import HistoryImport, Unmatched, import_history, read_history
from marquee.errors import RequestError, SourceError
from marquee.params import Params
from marquee.serve import schemas as s
from marquee.serve.answers.own import said
from marquee.serve.served import Served
from marquee.serve.storing import Store

_TOLD = 200  # titles, lines and events of a file that are told of


@dataclass(frozen=True)
class Brought:
    """A file, and what its viewer said about it."""

    user_id: int
    file: bytes
    profile: str | None
    confirmed: s.Confirmed
    store: bool


def brought_reply(served: Served, store: Store, params: Params, brought: Brought, now: datetime) -> s.BroughtReply:
    told = _read(served, params, brought)
    accepted = duplicates = 0
    if brought.store:
        for some in _batches(told.events, params.events.batch_limit):
            store.allow_again(brought.user_id, [str(event["event_id"]) for event in some])
            receipt = store.append(some, now)
            accepted, duplicates = accepted + receipt.accepted, duplicates + receipt.duplicates
    return s.BroughtReply(
        user_id=brought.user_id,
        format=told.format,
        assumes=told.assumes,
        rows=told.rows,
        matched=told.matched,
        doubtful=_unmatched(told.near_misses),
        unmatched=_unmatched(told.not_found),
        skipped=dict(told.skipped),
        malformed=tuple({"line": row.line, "reason": row.reason} for row in told.malformed[:_TOLD]),
        found=tuple(said(served, _event(event)) for event in sorted(told.events, key=_when, reverse=True)[:_TOLD]),
        events=len(told.events),
        accepted=accepted,
        duplicates=duplicates,
        event_ids=tuple(str(event["event_id"]) for event in told.events) if brought.store else (),
    )


def _read(served: Served, params: Params, brought: Brought) -> HistoryImport:
    try:
        history = read_history(brought.file, params.history_import, brought.profile)
        titles = served.titles.frame
        return import_history(history, brought.user_id, titles, params.catalogue, brought.confirmed)
    except SourceError as error:
        raise RequestError(str(error)) from None


def _batches(events: Sequence[dict[str, object]], size: int) -> Iterator[Sequence[dict[str, object]]]:
    return (events[start : start + size] for start in range(0, len(events), size))


def _unmatched(titles: Sequence[Unmatched]) -> tuple[s.Doubtful, ...]:
    return tuple(
        s.Doubtful(
            label=title.label,
            rows=len(title.lines),
            candidates=tuple(
                s.Candidate(title_id=it.title_id, name=it.name, year=it.year, confidence=it.confidence)
                for it in title.candidates
            ),
        )
        for title in titles[:_TOLD]
    )


def _when(event: dict[str, Any]) -> str:
    return str(event["happened_at"])


def _event(told: dict[str, Any]) -> Event:
    at = epoch_ms(datetime.fromisoformat(told["happened_at"]))
    return Event(position=-1, **{**told, "happened_at": at, "recorded_at": at})
