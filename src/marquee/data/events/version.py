"""From any version of the schema to the newest. The versions are the files in data/migrations/versions, in order."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from marquee.data.events.database import Database
from marquee.errors import StoreError

VERSION_TABLE = "event_store_version"
_MIGRATIONS = Path(__file__).parent.parent / "migrations"


def versions() -> tuple[str, ...]:
    """All there are, the newest last."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(script.revision for script in scripts)[::-1]


def migrate(url: str) -> str:
    """Brings a database, empty or older, to the newest version; answers which that is."""
    database = Database(url)
    try:
        upgrade(database, _newest())
    finally:
        database.close()
    return _newest()


def require_newest(database: Database) -> None:
    """An empty database becomes the newest version; one of another version is refused."""
    with database.read() as connection:
        version = _version(connection)
    if version is None:
        upgrade(database, _newest())
    elif version != _newest():
        _refuse_unknown(database, version)
        raise StoreError(
            f"event store {database.name}: is of version {version}, this Marquee needs {_newest()}; "
            "run `marquee events migrate`"
        )


def upgrade(database: Database, version: str) -> None:
    with database.write() as connection:
        _refuse_unknown(database, _version(connection))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, version)


def _refuse_unknown(database: Database, version: str | None) -> None:
    if version not in (None, *versions()):
        raise StoreError(
            f"event store {database.name}: is of version {version}, this Marquee knows none after {_newest()}; "
            "update Marquee, or name another database"
        )


def _version(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _newest() -> str:
    return versions()[-1]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
