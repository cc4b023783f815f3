"""Alembic's way in: migrations run on the connection they are handed, inside its transaction, or not at all."""

from alembic import context

from marquee.data.events.schema import METADATA
from marquee.data.events.version import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
