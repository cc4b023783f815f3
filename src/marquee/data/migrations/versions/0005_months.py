"""PostgreSQL keeps events in months of when they were recorded, what was shown apart from what viewers did.

A month that is let go is dropped as a whole, and every index is as small as a month. No index spans the months, so that
ids and positions are unique is kept by the writers' lock, as it always was.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_MONTHS = sa.text(
    "SELECT DISTINCT date_trunc('month', to_timestamp(recorded_at / 1000.0) AT TIME ZONE 'UTC') FROM events_before"
)
_START = "(extract(epoch FROM timestamp '{0:%Y-%m-%d}') * 1000)::bigint"
_END = "(extract(epoch FROM timestamp '{0:%Y-%m-%d}' + interval '1 month') * 1000)::bigint"


def upgrade() -> None:
    let_go = op.create_table("let_go", sa.Column("position", sa.BigInteger, nullable=False))
    op.bulk_insert(let_go, [{"position": 0}])
    if op.get_bind().dialect.name == "postgresql":
        _make_way()
        _make_events()
        for (month,) in op.get_bind().execute(_MONTHS).all():
            for part in ("events_shown", "events_deeds"):
                name, start, end = f"{part}_{month:%Y_%m}", _START.format(month), _END.format(month)
                op.execute(f"CREATE TABLE {name} PARTITION OF {part} FOR VALUES FROM ({start}) TO ({end})")
        op.execute("INSERT INTO events SELECT * FROM events_before")
        op.drop_table("events_before")


def _make_way() -> None:
    op.rename_table("events", "events_before")
    for index in ("events_pkey", "events_by_event_id", "events_by_position", "deeds"):
        op.execute(f"ALTER INDEX {index} RENAME TO {index}_before")


def _make_events() -> None:
    op.execute("CREATE TABLE events (LIKE events_before) PARTITION BY LIST (kind)")
    op.create_primary_key("events_pkey", "events", ["user_id", "happened_at", "event_id", "kind", "recorded_at"])
    op.create_index("events_by_event_id", "events", ["event_id"])
    op.create_index("events_by_position", "events", ["position"])
    deed = sa.text("kind != 'shown'")
    op.create_index("deeds", "events", ["user_id", "happened_at", "position"], postgresql_where=deed)
    op.execute("CREATE TABLE events_shown PARTITION OF events FOR VALUES IN ('shown') PARTITION BY RANGE (recorded_at)")
    op.execute("CREATE TABLE events_deeds PARTITION OF events DEFAULT PARTITION BY RANGE (recorded_at)")
