"""The events, and the position given last."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_EVENT_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("event_id", _EVENT_ID, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("title_id", sa.BigInteger),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("value", sa.Float(53)),
        sa.Column("happened_at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("detail", sa.Text),
        sa.PrimaryKeyConstraint("user_id", "happened_at", "event_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("events_by_event_id", "events", ["event_id"], unique=True)
    op.create_index("events_by_position", "events", ["position"], unique=True)
    last_position = op.create_table("last_position", sa.Column("position", sa.BigInteger, nullable=False))
    op.bulk_insert(last_position, [{"position": 0}])
