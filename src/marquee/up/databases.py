"""Databases: where Prefect and MLflow keep what they have.

Files in the state folder; or, where the event store lies on a PostgreSQL server, a schema each beside it.
"""

from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import URL, make_url

from marquee import registry
from marquee.errors import ServiceError

PREFECT = "prefect"
_FINDS_WORDS = "pg_trgm"  # the extension of PostgreSQL that Prefect finds names with


@dataclass(frozen=True)
class Databases:
    mlflow: str  # a URL for clients as for its server
    prefect: dict[str, str]  # environment of its server


def databases(database_url: str, state: Path) -> Databases:
    """`database_url` is the event store's."""
    for_mlflow = registry.beside(database_url, state)
    if not database_url.startswith("postgres"):
        return Databases(for_mlflow, {})
    url = make_url(database_url)
    for_prefect = url.set(drivername="postgresql+asyncpg", query=_for_asyncpg(url))
    own = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": _text(for_prefect),
        "PREFECT_SERVER_DATABASE_SQLALCHEMY_CONNECT_ARGS_SEARCH_PATH": PREFECT,
    }
    return Databases(for_mlflow, own)


def prepare(database_url: str) -> None:
    """Makes the schemas, on PostgreSQL; each program makes its tables in its own. ServiceError if that may not be."""
    if not database_url.startswith("postgres"):
        return
    url = make_url(database_url).set(drivername="postgresql")
    try:
        with psycopg.connect(_text(url), autocommit=True) as connection:
            for schema in (registry.SCHEMA, PREFECT):
                connection.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(schema)))
            connection.execute(
                SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {}").format(Identifier(_FINDS_WORDS), Identifier(PREFECT))
            )
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        raise ServiceError(
            f"{url.set(query={}).render_as_string()}: {said}; Prefect and MLflow need a schema each "
            f"and the extension {_FINDS_WORDS} (in Debian's postgresql)"
        ) from error


def _for_asyncpg(url: URL) -> dict[str, str | tuple[str, ...]]:
    """What it knows of what a libpq URL may say, in its own words."""
    names = {"host": "host", "port": "port", "sslmode": "ssl"}
    return {names[name]: value for name, value in url.query.items() if name in names}


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
