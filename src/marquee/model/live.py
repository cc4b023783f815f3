"""Live: one viewer's history of this moment, of what they told before any event and of the events until now.

It is the row that `interactions` would make of the same ratings and events, for one viewer and in microseconds: a
rating that no event speaks of is the row that it always was, only titles with events are put together anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import starmap
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

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
    user = _row_of(known, user_id)
    start, end = (0, 0) if user is None else np.asarray(known.starts)[user : user + 2].tolist()
    # As plain arrays first: a part of a mapped one costs ten times as much to make. And copied, for a history with
    # events is of arrays that can be written: of two kinds of arrays all machine code would be made twice.
    rows = {name: np.asarray(getattr(known, name))[start:end].copy() for name in _ROWS}
    attributes = _NOBODY if user is None else np.asarray(known.attributes)[user : user + 1]
    return Histories(np.array([user_id]), np.array([0, end - start]), attributes=attributes, **rows)


def histories_before(table: pl.DataFrame, title_ids: Ints) -> Histories:
    """Of a table as `before_events` makes it; who rated nothing is there with an empty history."""
    rated, user_ids = histories_of(table.drop_nulls("title_id"), title_ids), table["user_id"].unique().sort().to_numpy()
    starts = rated.starts[np.append(np.searchsorted(rated.user_ids, user_ids), len(rated))]
    return replace(rated, user_ids=user_ids, starts=starts, attributes=np.repeat(_NOBODY, len(user_ids), axis=0))


def knows(known: Histories, user_id: int) -> bool:
    return _row_of(known, user_id) is not None


def _row_of(known: Histories, user_id: int) -> int | None:
    user_ids = np.asarray(known.user_ids)
    user = int(user_ids.searchsorted(user_id))
    return user if user < len(user_ids) and user_ids[user] == user_id else None


def after(history: Histories, moment: int) -> Histories:
    """Of one viewer, of whom everything until a moment is to be forgotten."""
    return replace(history.where(history.at > moment), attributes=_NOBODY)


def history_now(before: Histories, events: Sequence[Told], title_ids: Ints, signals: Signals) -> Histories:
    """One viewer's history: `before`, which is of ratings alone, and all of their events."""
    told = _statements(events, title_ids, signals)
    if not told:
        return before
    touched = _is_among(before.title, np.fromiter(told, np.int64))
    for row in np.flatnonzero(touched).tolist():
        place = int(before.at[row]), row - len(touched)
        said = signals.meaning("rated", float(before.rating[row]))
        if said is not None:
            told[int(before.title[row])].append(_Statement(place, int(before.known_at[row]), said))
    return _merged(before, np.flatnonzero(~touched), told)


def _is_among(rows: NDArray[np.int32], others: Ints) -> Mask:
    """Which of these are any of those; there is at least one of those."""
    others = np.sort(others)
    return np.asarray(others[others.searchsorted(rows, "right") - 1] == rows)


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
    sought = np.fromiter(wanted, np.int64, len(wanted))
    row = title_ids.searchsorted(sought, "right") - 1
    is_known = title_ids[row] == sought
    return dict(zip(sought[is_known].tolist(), row[is_known].tolist(), strict=True))


def _merged(before: Histories, untouched: Ints, told: Mapping[int, list[_Statement]]) -> Histories:
    """What happened at the same moment stays in the order in which it was told: ratings, then events."""
    rows = len(before.title)
    new = dict(zip(_Row._fields, zip(*starmap(_combined, told.items()), strict=True), strict=True))
    seconds = np.concatenate([untouched - rows, new["second"]])
    order = np.lexsort((seconds, np.concatenate([before.at[untouched], new["at"]])))
    take = np.concatenate([untouched, np.arange(rows, rows + len(told))])[order]
    columns = {}
    for name in _ROWS:
        old = getattr(before, name)
        columns[name] = np.concatenate([old, np.array(new[name], old.dtype)])[take]
    return replace(before, starts=np.array([0, len(take)]), **columns)


class _Row(NamedTuple):
    title: int
    strength: float
    rating: float
    label: float
    hides: bool
    at: int
    known_at: int
    second: int  # where it stands among what happened at the same moment


def _combined(title: int, statements: list[_Statement]) -> _Row:
    """The strongest word for the title plus the strongest against it, of those that nothing later contradicts."""
    if len(statements) == 1:  # as nearly always
        return _alone(title, statements[0])
    statements.sort()
    latest = {statement.said.subject: statement.said for statement in statements}
    standing = [told for told in statements if not _contradicts(latest[told.said.subject], told.said)]
    meanings = {told.said for told in standing}
    strengths = [meaning.strength for meaning in meanings]
    at, second = next((told for told in reversed(standing) if told.said.hides), standing[-1]).place
    return _Row(
        title=title,
        strength=max(0.0, *strengths) + min(0.0, *strengths),
        rating=max((meaning.rating for meaning in meanings if meaning.rating is not None), default=np.nan),
        label=max(meaning.label for meaning in meanings),
        hides=any(meaning.hides for meaning in meanings),
        at=at,
        known_at=max(told.known_at for told in standing),
        second=second,
    )


def _alone(title: int, told: _Statement) -> _Row:
    (at, second), said = told.place, told.said
    rating = np.nan if said.rating is None else said.rating
    return _Row(title, said.strength, rating, said.label, said.hides, at, told.known_at, second)


def _contradicts(later: _Meaning, said: _Meaning) -> bool:
    return later is not said and (later.sign != said.sign or later.rating != said.rating)


def with_what_was_told(history: Histories, trained: Floats, told: Floats) -> Histories:
    """With the viewer's attributes: what they told themselves, else what training knew."""
    return replace(history, attributes=np.where(np.isnan(told), trained, told))
