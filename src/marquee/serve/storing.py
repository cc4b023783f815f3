"""What the service needs of the event store; `EventStore` is one. Each method may raise StoreError."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from marquee.data.events import Deeds, Receipt


class Store(Protocol):
    def append(self, events: Sequence[object], now: datetime) -> Receipt: ...

    def deeds(self, user_id: int, limit: int) -> Deeds: ...

    def forgotten(self) -> Mapping[int, int]: ...

    def export(self, user_id: int) -> Iterator[dict[str, object]]: ...

    def undo(self, user_id: int, event_ids: Sequence[str]) -> int: ...

    def forget(self, user_id: int, now: datetime) -> int: ...
