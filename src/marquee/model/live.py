"""Live: one viewer's history of this moment, of what they told before any event and of the events until now.

It is the row that `interactions` would make of the same ratings and events, for one viewer and in microseconds: a
rating that no event speaks of is the row that it always was, only titles with events are put together anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from marquee.model.histories import ATTRIBUTES, Floats, Histories, Ints, Mask, histories_of
from marquee.model.interactions import MIDDLE, SUBJECTS
from marquee.params import SignalsParams, StarParams

_ROWS = ("title", "strength", "rating", "label", "hides", "at", "known_at")
_NOBODY = np.full((1, len(ATTRIBUTES)), np.nan, np.float32)


class Told(Protocol):
    """An event."""

    @property
    def position(self) -> int: ...

    @property
    def title_id(self) -> int | None: ...

    @property
    def kind(self) -> str: ...

    @property
    def value(self) -> float | None: ...

    @property
    def happened_at(self) -> int: ...

    @property
    def recorded_at(self) -> int: ...


class _Meaning(NamedTuple):
    """What a kind of event says with this value. Numbers of 32 bits, kept as Python's: those are added in no time."""

    subject: str
    sign: int
    strength: float
    rating: float | None
    label: float
    hides: bool


class _Statement(NamedTuple):
    place: tuple[int, int]  # when it happened; below 0 for a rating told before, else the position in the store
    known_at: int
    said: _Meaning


class Signals:
    """What each kind of event says, ready to be looked up."""

    def __init__(self, signals: SignalsParams, star: StarParams) -> None:
        self._signals = {kind: signal for kind, signal in signals if signal.strength or signal.hides}
        self._star = star
        self._known: dict[tuple[str, float | None], _Meaning] = {}

    def meaning(self, kind: str, value: float | None) -> _Meaning | None:
        """None for a kind that says nothing."""
        if kind not in self._signals:
            return None
        asked = kind, value if kind == "rated" else None
        said = self._known.get(asked)
        if said is None:
            said = self._known[asked] = self._meaning(*asked)
        return said

    def _meaning(self, kind: str, value: float | None) -> _Meaning:
        signal, stars = self._signals[kind], np.float32(0 if value is None else value - MIDDLE)
        strength = np.float32(signal.strength) + stars * np.float32(self._star.strength)
        label = np.maximum(np.float32(signal.label) + stars * np.float32(self._star.label), 0)
        rating = None if value is None else float(np.float32(value))
        subject = SUBJECTS.get(kind, kind)
        return _Meaning(subject, int(np.sign(strength)), float(strength), rating, float(label), signal.hides)


def viewer_of(known: Histories, user_id: int) -> Histories:
    """One viewer's history among many; an empty one for a stranger."""
    place, is_known = int(np.searchsorted(known.user_ids, user_id)), knows(known, user_id)
    start, end = (int(known.starts[place]), int(known.starts[place + 1])) if is_known else (0, 0)
    rows = {name: np.asarray(getattr(known, name)[start:end]) for name in _ROWS}
    attributes = np.asarray(known.attributes[place : place + 1]) if is_known else _NOBODY
    return Histories(np.array([user_id]), np.array([0, end - start]), attributes=attributes, **rows)


def histories_before(table: pl.DataFrame, title_ids: Ints) -> Histories:
    """Of a table as `before_events` makes it; who rated nothing is there with an empty history."""
    rated, user_ids = histories_of(table.drop_nulls("title_id"), title_ids), table["user_id"].unique().sort().to_numpy()
    starts = rated.starts[np.append(np.searchsorted(rated.user_ids, user_ids), len(rated))]
    return replace(rated, user_ids=user_ids, starts=starts, attributes=np.repeat(_NOBODY, len(user_ids), axis=0))


def knows(known: Histories, user_id: int) -> bool:
    place = int(np.searchsorted(known.user_ids, user_id))
    return place < len(known) and int(known.user_ids[place]) == user_id


def after(history: Histories, moment: int) -> Histories:
    """Of one viewer, of whom everything until a moment is to be forgotten."""
    return replace(history.where(history.at > moment), attributes=_NOBODY)


def history_now(before: Histories, events: Sequence[Told], title_ids: Ints, signals: Signals) -> Histories:
    """One viewer's history: `before`, which is of ratings alone, and all of their events."""
    told = _statements(events, title_ids, signals)
    if not told:
        return before
    touched = np.isin(before.title, np.fromiter(told, before.title.dtype))
    for row in np.flatnonzero(touched):
        place = int(before.at[row]), int(row) - len(touched)
        said = signals.meaning("rated", float(before.rating[row]))
        if said is not None:
            told[int(before.title[row])].append(_Statement(place, int(before.known_at[row]), said))
    return _merged(before, ~touched, told)


def _statements(events: Iterable[Told], title_ids: Ints, signals: Signals) -> dict[int, list[_Statement]]:
    """By title; of titles that the model does not know, and of kinds that say nothing, there are none."""
    rows = _rows_of({event.title_id for event in events if event.title_id is not None}, title_ids)
    told: dict[int, list[_Statement]] = {}
    for event in events:
        row, said = rows.get(event.title_id), signals.meaning(event.kind, event.value)
        if row is not None and said is not None:
            statement = _Statement((event.happened_at, event.position), event.recorded_at, said)
            told.setdefault(row, []).append(statement)
    return told


def _rows_of(wanted: set[int], title_ids: Ints) -> Mapping[int | None, int]:
    """The row number of each title id that there is."""
    sought = np.array(sorted(wanted), np.int64)
    place = np.searchsorted(title_ids, sought)
    known = np.append(title_ids[place[place < len(title_ids)]] == sought[place < len(title_ids)], [])
    return {int(title_id): int(row) for title_id, row, there in zip(sought, place, known, strict=False) if there}


def _merged(before: Histories, untouched: Mask, told: Mapping[int, list[_Statement]]) -> Histories:
    """What happened at the same moment stays in the order in which it was told: ratings, then events."""
    new = [_combined(title, statements) for title, statements in told.items()]
    at, second = np.array([row.place for row in new]).T
    seconds = np.concatenate([np.flatnonzero(untouched) - len(untouched), second])
    order = np.lexsort((seconds, np.concatenate([before.at[untouched], at])))
    columns = dict(zip(_Row._fields, zip(*new, strict=True), strict=True))
    rows = {}
    for name in _ROWS:
        old = getattr(before, name)
        rows[name] = np.concatenate([old[untouched], np.array(columns[name], old.dtype)])[order]
    return replace(before, starts=np.array([0, len(order)]), **rows)


class _Row(NamedTuple):
    place: tuple[int, int]
    title: int
    strength: float
    rating: float
    label: float
    hides: bool
    at: int
    known_at: int


def _combined(title: int, statements: list[_Statement]) -> _Row:
    """The strongest word for the title plus the strongest against it, of those that nothing later contradicts."""
    statements.sort()
    latest = {statement.said.subject: statement.said for statement in statements}
    standing = [told for told in statements if not _contradicts(latest[told.said.subject], told.said)]
    said = {told.said for told in standing}
    strengths = [meaning.strength for meaning in said]
    return _Row(
        place=standing[-1].place,
        title=title,
        strength=max(0.0, *strengths) + min(0.0, *strengths),
        rating=max((meaning.rating for meaning in said if meaning.rating is not None), default=np.nan),
        label=max(meaning.label for meaning in said),
        hides=any(meaning.hides for meaning in said),
        at=standing[-1].place[0],
        known_at=max(told.known_at for told in standing),
    )


def _contradicts(later: _Meaning, said: _Meaning) -> bool:
    return later is not said and (later.sign != said.sign or later.rating != said.rating)


def with_what_was_told(history: Histories, trained: Floats, told: Floats) -> Histories:
    """With the viewer's attributes: what they told themselves, else what training knew."""
    return replace(history, attributes=np.where(np.isnan(told), trained, told))
