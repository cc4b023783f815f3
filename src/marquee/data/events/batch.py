"""What changes the store: a batch on its way into it, what is new of it, there already, refused; and what leaves it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from marquee.data.events import months
from marquee.data.events.schema import (
    EVENTS,
    FORGOTTEN_POSITIONS,
    FORGOTTEN_VIEWERS,
    LAST_POSITION,
    UNDONE,
    WITHDRAWALS,
)
from marquee.data.events.validity import Content

FORGOTTEN = "its viewer asked to be forgotten after it happened"
_AT_ONCE = 1_000  # ids in one question
_AHEAD_MS = 86_400_000  # no clock that is believed goes further ahead (params.yaml: events.future_tolerance_s)
_CONTENT = [EVENTS.c[name] for name in Content._fields]


@dataclass(frozen=True)
class Sifted:
    fresh: dict[str, Content] = field(default_factory=dict)
    duplicates: list[Content] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)


def sift(connection: Connection, judged: Sequence[Content | str]) -> Sifted:
    """Holds only while the connection is the one that may write."""
    valid = [content for content in judged if isinstance(content, Content)]
    stored, undone = _stored(connection, valid), _undone(connection, valid)
    forgotten = _forgotten(connection, sorted({content.user_id for content in valid}))
    sifted = Sifted()
    for index, content in enumerate(judged):
        if isinstance(content, str):
            sifted.reasons[index] = content
            continue
        known = stored.get(content.event_id) or sifted.fresh.get(content.event_id)
        if known == content or (not known and (content.event_id, content.user_id) in undone):
            sifted.duplicates.append(content)
        elif known:
            sifted.reasons[index] = "event_id already names another event"
        elif content.happened_at <= forgotten.get(content.user_id, content.happened_at - 1):
            sifted.reasons[index] = FORGOTTEN
        else:
            sifted.fresh[content.event_id] = content
    return sifted


def write(connection: Connection, contents: Sequence[Content], recorded_at: int) -> None:
    if not contents:
        return
    if connection.dialect.name == "postgresql":
        months.make(connection, recorded_at)
    rows = [
        {"position": position, "recorded_at": recorded_at, **content._asdict()}
        for position, content in enumerate(contents, start=_next_position(connection, len(contents)))
    ]
    connection.execute(insert(EVENTS), rows)


def withdraw(connection: Connection, user_id: int, theirs: ColumnElement[bool]) -> int:
    """Deletes events of a viewer, and notes where they were and that this happened; answers how many there were."""
    positions = select(EVENTS.c.position).where(theirs)
    connection.execute(insert(FORGOTTEN_POSITIONS).from_select(["position"], positions))
    connection.execute(delete(WITHDRAWALS).where(WITHDRAWALS.c.user_id == user_id))
    connection.execute(insert(WITHDRAWALS).values(user_id=user_id, position=_next_position(connection, 1)))
    return connection.execute(delete(EVENTS).where(theirs)).rowcount


def _next_position(connection: Connection, count: int) -> int:
    """The first of so many that are given now."""
    last = connection.execute(select(LAST_POSITION.c.position)).scalar_one()
    connection.execute(update(LAST_POSITION).values(position=last + count))
    return int(last) + 1


def _stored(connection: Connection, contents: Sequence[Content]) -> Mapping[str, Content]:
    """By id; of PostgreSQL's months none is asked that was over before any of these happened: an id of one is free."""
    asked = select(*_CONTENT)
    if connection.dialect.name == "postgresql":
        asked = asked.where(EVENTS.c.recorded_at >= min((each.happened_at for each in contents), default=0) - _AHEAD_MS)
    return {
        row.event_id: Content._make(row)
        for some in _slices(sorted({content.event_id for content in contents}))
        for row in connection.execute(asked.where(EVENTS.c.event_id.in_(some)))
    }


def _undone(connection: Connection, contents: Sequence[Content]) -> set[tuple[str, int]]:
    return {
        (row.event_id, row.user_id)
        for some in _slices(sorted({content.event_id for content in contents}))
        for row in connection.execute(select(UNDONE).where(UNDONE.c.event_id.in_(some)))
    }


def _forgotten(connection: Connection, user_ids: Sequence[int]) -> Mapping[int, int]:
    return {
        row.user_id: row.until
        for some in _slices(user_ids)
        for row in connection.execute(select(FORGOTTEN_VIEWERS).where(FORGOTTEN_VIEWERS.c.user_id.in_(some)))
    }


def _slices(ids: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
