"""What viewers did themselves, found without stepping over all that they were shown."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    deed = sa.text("kind != 'shown'")
    op.create_index("deeds", "events", ["user_id", "happened_at", "position"], sqlite_where=deed, postgresql_where=deed)
