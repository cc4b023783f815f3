"""Which events are valid. RULES says for each kind what it needs and which values it may have: a new kind is one line.

A reason never repeats what was sent, so reasons can be counted, and nobody's text ends up in a log.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from marquee.params import EventParams
from marquee.tables import ID_LIMIT, KINDS_OF_EVENT, RATING_RANGE

FRACTION = (0.0, 1.0)
NAME_LIMIT = 64  # characters of an event_id and of a source

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_EARLIEST = (datetime(1990, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND


@dataclass(frozen=True)
class Rule:
    value: tuple[float, float] | None = None
    needs: frozenset[str] = frozenset({"title_id"})


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "watch_started": Rule(),
        "watch_progress": Rule(value=FRACTION),
        "watch_finished": Rule(),
        "paused": Rule(),
        "rewound": Rule(),
        "rewatched": Rule(),
        "abandoned": Rule(value=FRACTION),
        "rated": Rule(value=RATING_RANGE, needs=frozenset({"title_id", "value"})),
        "liked": Rule(),
        "disliked": Rule(),
        "not_interested": Rule(),
        "saved": Rule(),
        "searched": Rule(needs=frozenset({"detail"})),
        "opened": Rule(),
        "shown": Rule(),
        "signed_up": Rule(needs=frozenset({"detail"})),
    }
)


class Content(NamedTuple):
    """What an event says, however it was spelt: two events are the same when this is."""

    event_id: str
    user_id: int
    title_id: int | None
    kind: str
    value: float | None
    happened_at: int
    source: str
    detail: str | None


_KEYS = frozenset(Content._fields)


@dataclass(frozen=True)
class Refusal:
    index: int  # its place in the batch
    event_id: str | None
    reason: str


class Validity:
    def __init__(self, params: EventParams, known_titles: Collection[int] | None) -> None:
        self._params = params
        self._known_titles = None if known_titles is None else frozenset(known_titles)

    def judge(self, event: object, now: int) -> Content | str:
        """The content of a valid event, or the reason why it is none."""
        if not isinstance(event, Mapping):
            return "not a JSON object; an event is a set of named values"
        if not event.keys() <= _KEYS:
            return f"unknown key; an event has {', '.join(Content._fields)}"
        kind = event.get("kind")
        if not isinstance(kind, str) or kind not in RULES:
            return f"kind is none of {', '.join(KINDS_OF_EVENT)}"
        at = _milliseconds(event.get("happened_at"))
        if isinstance(at, str):
            return at
        return next(self._faults(event, at, now), None) or _content(event, at)

    def _faults(self, event: Mapping[str, Any], at: int, now: int) -> Iterator[str]:
        kind = event["kind"]
        rule = RULES[kind]
        yield from (f"{kind} needs {key}" for key in sorted(rule.needs) if event.get(key) is None)
        yield from self._id_faults(event.get("user_id"), event.get("title_id"))
        yield from _value_faults(kind, rule.value, event.get("value"))
        yield from self._time_faults(at, now)
        yield from _text_faults("event_id", event.get("event_id"), NAME_LIMIT)
        yield from _text_faults("source", event.get("source"), NAME_LIMIT)
        if event.get("detail") is not None:
            yield from _text_faults("detail", event["detail"], self._params.text_limit)
        if kind == "signed_up" and _is_too_deep(event["detail"]):
            yield "detail of signed_up is nested too deeply; a profile has named values and one list"

    def _id_faults(self, user_id: object, title_id: object) -> Iterator[str]:
        if not is_id(user_id):
            yield "user_id is not a positive whole number"
        if title_id is None:
            return
        if not is_id(title_id):
            yield "title_id is not a positive whole number"
        elif self._known_titles is not None and title_id not in self._known_titles:
            yield "title_id is of no known title"

    def _time_faults(self, at: int, now: int) -> Iterator[str]:
        if at > now + self._params.future_tolerance_s * 1000:
            yield f"happened_at is more than {self._params.future_tolerance_s:g} s in the future"
        if at < _EARLIEST:
            yield "happened_at is before 1990"


def is_id(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 < number <= ID_LIMIT


def epoch_ms(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def moment_of(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND


def _milliseconds(happened_at: object) -> int | str:
    """Milliseconds since 1970, or why they cannot be told."""
    if isinstance(happened_at, int) and not isinstance(happened_at, bool):
        return happened_at
    if not isinstance(happened_at, str):
        return "happened_at is neither ISO 8601 text nor whole milliseconds since 1970"
    try:
        moment = datetime.fromisoformat(happened_at)
    except ValueError:
        return "happened_at is not a time in ISO 8601"
    return "happened_at has no time zone" if moment.tzinfo is None else epoch_ms(moment)


def _value_faults(kind: str, allowed: tuple[float, float] | None, value: object) -> Iterator[str]:
    if value is not None and allowed is None:
        yield f"{kind} takes no value"
    elif value is not None and allowed is not None and not _is_between(value, *allowed):
        yield f"value of {kind} is not a number from {allowed[0]:g} to {allowed[1]:g}"


def _is_between(value: object, low: float, high: float) -> bool:
    """Also false for NaN, which is neither above nor below anything."""
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _text_faults(name: str, text: object, limit: int) -> Iterator[str]:
    if not isinstance(text, str):
        yield f"{name} is not text"
    elif not text.strip():
        yield f"{name} is empty"
    elif len(text) > limit:
        yield f"{name} is longer than {limit:,} characters"
    elif not _storable(text):
        yield f"{name} has a NUL or half a character"


def _is_too_deep(detail: str) -> bool:
    """For who reads it as JSON; what is none is not read at all."""
    try:
        json.loads(detail)
    except RecursionError:
        return True
    except ValueError:
        return False
    return False


def _storable(text: str) -> bool:
    try:
        return "\0" not in text and bool(text.encode())
    except UnicodeEncodeError:
        return False


def _content(event: Mapping[str, Any], at: int) -> Content:
    value = event.get("value")
    return Content(
        event["event_id"],
        event["user_id"],
        event.get("title_id"),
        event["kind"],
        None if value is None else float(value) + 0.0,  # + 0.0: minus nothing is nothing
        at,
        event["source"],
        event.get("detail"),
    )
