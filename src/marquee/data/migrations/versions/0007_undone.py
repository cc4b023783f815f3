"""Which events their viewers took back, so that they stay so when they are told again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_EVENT_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "undone",
        sa.Column("event_id", _EVENT_ID, primary_key=True),
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
    )
    op.create_index("undone_by_viewer", "undone", ["user_id"])
