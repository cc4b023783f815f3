"""The event store: one append-only record of what viewers did, in SQLite or PostgreSQL, whichever the URL names.

store.py      append, history, deeds, since, changes, export, forget, forgotten, undo, allow_again, snapshot, let_go
validity.py   what an event of each kind must and may carry: one line a kind
schema.py     the tables; a change here needs a new file in data/migrations/versions
database.py   one URL, reached: who may write, who reads what, and the sentence when it is away
months.py     PostgreSQL's tables, one a month
letting_go.py what was shown long ago, once a snapshot holds it
version.py    from any version of the schema to the newest
snapshot.py   the record up to a position as Parquet partitions
"""

from marquee.data.events.schema import Event
from marquee.data.events.store import Deeds, EventStore, Receipt
from marquee.data.events.validity import Refusal
from marquee.data.events.version import migrate

__all__ = ["Deeds", "Event", "EventStore", "Receipt", "Refusal", "migrate"]
