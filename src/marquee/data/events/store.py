"""The store itself: append, look back, follow, export, forget, and hand a snapshot to training.

Every question about events is one method here; what makes an event valid is in validity.py.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from sqlalchemy import bindparam, delete, func, insert, null, select, text, true, tuple_, update

from marquee.data.events.batch import sift, withdraw, write
from marquee.data.events.database import PATIENCE_S, Database
from marquee.data.events.letting_go import LetGo, let_go
from marquee.data.events.schema import DEED, EVENTS, FORGOTTEN_VIEWERS, LAST_POSITION, UNDONE, WITHDRAWALS, Event
from marquee.data.events.snapshot import write_snapshot
from marquee.data.events.validity import NAME_LIMIT, Refusal, Validity, epoch_ms, is_id, moment_of
from marquee.data.events.version import require_newest
from marquee.errors import StoreError
from marquee.params import EventParams
from marquee.tables import ID_LIMIT

_OF_VIEWER = select(EVENTS).where(EVENTS.c.user_id == bindparam("user_id"))
_LATEST = _OF_VIEWER.order_by(EVENTS.c.happened_at.desc(), EVENTS.c.event_id.desc()).limit(bindparam("limit"))
_ALL = _OF_VIEWER.order_by(EVENTS.c.happened_at, EVENTS.c.event_id)
_DEEDS = _OF_VIEWER.where(DEED).order_by(EVENTS.c.happened_at.desc(), EVENTS.c.position.desc())
_FORGOTTEN = select(FORGOTTEN_VIEWERS.c.until).where(FORGOTTEN_VIEWERS.c.user_id == bindparam("user_id"))
# Behind each deed: one question is half of what two cost.
_LATEST_DEEDS = _DEEDS.add_columns(_FORGOTTEN.scalar_subquery()).limit(bindparam("limit"))
# Spelt out, as what is asked this way is put into words once.
_LASTING = text("kind NOT IN ('watch_started', 'watch_progress', 'paused', 'rewound', 'searched', 'opened')")
_BEFORE = tuple_(EVENTS.c.happened_at, EVENTS.c.position) < tuple_(bindparam("happened_at"), bindparam("position"))
_LASTING_BEFORE = _DEEDS.where(_LASTING, _BEFORE).limit(bindparam("limit"))
_LASTING_TIMES = 10  # as many of them as of the latest deeds
_SINCE = select(EVENTS).where(EVENTS.c.position > bindparam("position")).order_by("position").limit(bindparam("limit"))


_RECORDED = _SINCE.with_only_columns(
    EVENTS.c.position, EVENTS.c.user_id, EVENTS.c.recorded_at, EVENTS.c.kind != "shown"
)
_WITHDRAWN = (
    select(WITHDRAWALS.c.position, WITHDRAWALS.c.user_id, null(), true())
    .where(WITHDRAWALS.c.position > bindparam("position"))
    .order_by("position")
    .limit(bindparam("limit"))
)


@dataclass(frozen=True)
class Receipt:
    accepted: int
    duplicates: int
    refused: tuple[Refusal, ...]


class Change(NamedTuple):
    position: int
    user_id: int
    recorded_at: int | None  # of an event
    concerns_lists: bool  # not so of what was only shown


@dataclass(frozen=True)
class Deeds:
    """What a viewer did themselves, and until when they asked to be forgotten, if they did."""

    events: tuple[Event, ...]
    forgotten_until: int | None


class EventStore:
    """Open until closed. Threads may share one; every process opens its own."""

    def __init__(
        self,
        url: str,
        params: EventParams,
        known_titles: Collection[int] | None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`patience_s`: how long others who write are waited for."""
        self._params = params
        self._validity = Validity(params, known_titles)
        self._database = Database(url, patience_s)
        try:
            require_newest(self._database)
        except StoreError:
            self.close()
            raise

    def append(self, events: Sequence[object], now: datetime) -> Receipt:
        """When it answers, what it accepted is on the disk."""
        self._require_batch(len(events))
        recorded_at = epoch_ms(now)
        judged = [self._validity.judge(event, recorded_at) for event in events]
        with self._database.write() as connection:
            sifted = sift(connection, judged)
            write(connection, list(sifted.fresh.values()), recorded_at)
        refused = tuple(Refusal(index, _event_id(events[index]), reason) for index, reason in sifted.reasons.items())
        return Receipt(len(sifted.fresh), len(sifted.duplicates), refused)

    def history(self, user_id: int, limit: int) -> tuple[Event, ...]:
        """What a viewer did last, in the order it happened, the newest at the end."""
        if not is_id(user_id) or limit < 1:
            return ()
        with self._database.read() as connection:
            latest = connection.execute(_LATEST, {"user_id": user_id, "limit": min(limit, ID_LIMIT)}).all()
        return tuple(map(Event._make, reversed(latest)))

    def deeds(self, user_id: int, limit: int) -> Deeds:
        """As `history`, without what was only shown, and with what lasts of what they did before that: what they
        finished, said and told of themselves; and whether the viewer is to be known from before at all.
        """
        if not is_id(user_id) or limit < 1:
            return Deeds((), None)
        found = self._database.ask(_LATEST_DEEDS, {"user_id": user_id, "limit": min(limit, ID_LIMIT)})
        if not found:
            forgotten = self._database.ask(_FORGOTTEN, {"user_id": user_id})
            return Deeds((), forgotten[0][0] if forgotten else None)
        latest = [Event._make(row[:-1]) for row in found]
        if len(latest) == limit:
            oldest = {"happened_at": latest[-1].happened_at, "position": latest[-1].position}
            asked = {"user_id": user_id, "limit": min(_LASTING_TIMES * limit, ID_LIMIT), **oldest}
            latest += map(Event._make, self._database.ask(_LASTING_BEFORE, asked))
        return Deeds(tuple(reversed(latest)), found[0][-1])

    def forgotten(self) -> Mapping[int, int]:
        """Everybody who asked to be forgotten, and until when."""
        with self._database.read() as connection:
            return {row.user_id: row.until for row in connection.execute(select(FORGOTTEN_VIEWERS))}

    def since(self, position: int, limit: int) -> tuple[Event, ...]:
        """What was recorded after a position. Once a position is seen, nothing appears before it any more."""
        if not 0 <= position < ID_LIMIT or limit < 1:
            return ()
        with self._database.follow() as connection:
            rows = connection.execute(_SINCE, {"position": position, "limit": min(limit, ID_LIMIT)})
            return tuple(map(Event._make, rows))

    def changes(self, position: int, limit: int) -> tuple[Change, ...]:
        """As `since`, and little of each event; what was taken back is among it."""
        asked = {"position": position, "limit": limit}
        with self._database.follow() as connection:
            recorded = [Change._make(row) for row in connection.execute(_RECORDED, asked)]
            withdrawn = [Change._make(row) for row in connection.execute(_WITHDRAWN, asked)]
        return tuple(sorted(recorded + withdrawn)[:limit])

    def position(self) -> int:
        """The position given last; 0 before the first event."""
        with self._database.read() as connection:
            return int(connection.execute(select(LAST_POSITION.c.position)).scalar_one())

    def export(self, user_id: int) -> Iterator[dict[str, object]]:
        """Everything a viewer did, as it would be written in JSON."""
        if not is_id(user_id):
            return
        with self._database.read() as connection:
            in_pages = connection.execution_options(yield_per=1_000)
            with in_pages.execute(_ALL, {"user_id": user_id}) as rows:
                yield from (_in_words(Event._make(row)) for row in rows)

    def forget(self, user_id: int, now: datetime) -> int:
        """Deletes what a viewer did until now, and refuses it when it is sent again; answers how many events that were.

        The id, and the positions that became empty, are all that is kept: the next snapshot needs them.
        """
        if not is_id(user_id):
            return 0
        theirs = EVENTS.c.user_id == user_id
        with self._database.erase() as connection:
            last = connection.execute(select(func.max(EVENTS.c.happened_at)).where(theirs)).scalar()
            until = max(epoch_ms(now), last or 0)
            connection.execute(delete(FORGOTTEN_VIEWERS).where(FORGOTTEN_VIEWERS.c.user_id == user_id))
            connection.execute(insert(FORGOTTEN_VIEWERS).values(user_id=user_id, until=until))
            connection.execute(delete(UNDONE).where(UNDONE.c.user_id == user_id))
            return withdraw(connection, user_id, theirs)

    def undo(self, user_id: int, event_ids: Sequence[str]) -> int:
        """Deletes single events of a viewer, also from the next snapshot; answers how many of them there were.

        Told again they are duplicates: whoever told them first, such as the watch API, goes on telling them.
        """
        if not is_id(user_id):
            return 0
        theirs = (EVENTS.c.user_id == user_id) & EVENTS.c.event_id.in_(event_ids)
        names = select(EVENTS.c.event_id, EVENTS.c.user_id).where(theirs).distinct()
        with self._database.write() as connection:
            connection.execute(insert(UNDONE).from_select(["event_id", "user_id"], names))
            return withdraw(connection, user_id, theirs)

    def allow_again(self, user_id: int, event_ids: Sequence[str]) -> None:
        """What a viewer took back may be told again: they do so themselves."""
        if is_id(user_id):
            theirs = (UNDONE.c.user_id == user_id) & UNDONE.c.event_id.in_(event_ids)
            with self._database.write() as connection:
                connection.execute(delete(UNDONE).where(theirs))

    def touch(self) -> None:
        """Writes, and changes nothing; StoreError if nothing can be written."""
        with self._database.write() as connection:
            connection.execute(update(LAST_POSITION).values(position=LAST_POSITION.c.position))

    def snapshot(self, folder: Path, position: int) -> tuple[Path, ...]:
        """Everything recorded up to a position, in Parquet files; see snapshot.py."""
        last = self.position()
        if not 0 <= position <= last:
            raise StoreError(f"event store {self._database.name}: no position {position:,}; it goes from 0 to {last:,}")
        try:
            return write_snapshot(self._database, self._params.partition_rows, folder, position)
        except OSError as error:
            raise StoreError(f"snapshot {folder}: {error}; name a folder that can be written") from error

    @property
    def has_months(self) -> bool:
        """Whether events lie in tables of months, which can be let go."""
        return self._database.has_months

    def let_go(self, folder: Path, before: datetime) -> LetGo:
        """What was shown in months that had ended by then leaves the store, if that snapshot holds it."""
        return let_go(self._database, self._params.partition_rows, folder, before)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _require_batch(self, events: int) -> None:
        limit = self._params.batch_limit
        if events > limit:
            raise StoreError(
                f"{events:,} events in one batch; send at most {limit:,} at a time (params.yaml: events.batch_limit)"
            )


def _event_id(event: object) -> str | None:
    """As it can be sent back: no more of it than an id may have, and nothing that is half a character."""
    event_id = event.get("event_id") if isinstance(event, Mapping) else None
    return event_id[:NAME_LIMIT].encode("utf-8", "replace").decode() if isinstance(event_id, str) else None


def _in_words(event: Event) -> dict[str, object]:
    """Times as ISO 8601; what the viewer did not say is left out."""
    times = {"happened_at": moment_of(event.happened_at), "recorded_at": moment_of(event.recorded_at)}
    told = {name: value for name, value in event._asdict().items() if value is not None}
    return told | {name: moment.isoformat(timespec="milliseconds") for name, moment in times.items()}
