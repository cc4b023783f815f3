"""The event store's tables. Times are whole milliseconds since 1970, UTC.

A change here needs a new file in data/migrations/versions; a test holds the two together.
"""

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text, text

METADATA = MetaData()

# SQLite keeps a table in the order of its key only when the key is spelt INTEGER.
_POSITION = BigInteger().with_variant(Integer(), "sqlite")
# PostgreSQL would sort by the rules of its server's language, SQLite sorts by bytes: both shall agree.
_EVENT_ID = Text().with_variant(Text(collation="C"), "postgresql")


class Event(NamedTuple):
    """One row of the store, with the columns of `tables.EVENTS` in their order."""

    position: int
    event_id: str
    user_id: int
    title_id: int | None
    kind: str
    value: float | None
    happened_at: int
    recorded_at: int
    source: str
    detail: str | None


# Spelt out, not bound: a question uses the index of what is not `shown` only if it says so itself.
DEED = text("kind != 'shown'")
SHOWN = text("kind = 'shown'")

EVENTS = Table(
    "events",
    METADATA,
    Column("position", BigInteger, nullable=False),
    Column("event_id", _EVENT_ID, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("title_id", BigInteger),
    Column("kind", Text, nullable=False),
    Column("value", Float(53)),
    Column("happened_at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("detail", Text),
    # PostgreSQL has it in months, see months.py: there the key has kind and recorded_at too, and no index is unique.
    PrimaryKeyConstraint("user_id", "happened_at", "event_id"),
    Index("events_by_event_id", "event_id", unique=True),
    Index("events_by_position", "position", unique=True),
    # What was shown to a viewer becomes many times what they did: it is not stepped over to read that.
    Index("deeds", "user_id", "happened_at", "position", sqlite_where=DEED, postgresql_where=DEED),
    sqlite_with_rowid=False,
)

# One row: the position given last. It stays when what had it is forgotten, so none is given twice.
LAST_POSITION = Table("last_position", METADATA, Column("position", BigInteger, nullable=False))

# Whoever asked to be forgotten: what they did until then is not taken again, however late it is sent once more.
FORGOTTEN_VIEWERS = Table(
    "forgotten_viewers",
    METADATA,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False),
)

# Where their events were, and nothing else of them: a snapshot's partition says by it that it has to be written anew.
FORGOTTEN_POSITIONS = Table(
    "forgotten_positions",
    METADATA,
    Column("position", _POSITION, primary_key=True, autoincrement=False),
)

# Who had events taken from the store, at their own wish, and the position that this was given: lists follow it.
WITHDRAWALS = Table(
    "withdrawals",
    METADATA,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Index("withdrawals_by_position", "position", unique=True),
)

# Whose events were taken back, by their ids alone: told again by whoever told them first, they stay so.
UNDONE = Table(
    "undone",
    METADATA,
    Column("event_id", _EVENT_ID, primary_key=True),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Index("undone_by_viewer", "user_id"),
)

# One row: up to this position what was shown may be no longer here, but in a snapshot alone.
LET_GO = Table("let_go", METADATA, Column("position", BigInteger, nullable=False))

# Who may ask the service. Of a key's secret only the digest is kept.
API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # with a space between two
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
)
