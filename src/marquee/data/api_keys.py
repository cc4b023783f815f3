"""The keys of programs that may ask the service, kept in the event database: made, listed, revoked, last used.

A key reads mq_<id>_<secret>. The secret has 256 random bits, so one round of SHA-256 hides it: nobody reads it again.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import NamedTuple, Self

from sqlalchemy import insert, select, update

from marquee.data.events.database import Database
from marquee.data.events.schema import API_KEYS
from marquee.data.events.validity import epoch_ms
from marquee.data.events.version import require_newest
from marquee.errors import StoreError

PREFIX = "mq"
SCOPES = ("read", "write", "admin")  # admin may read and write too


class ApiKey(NamedTuple):
    """One row of the table, with its columns in their order. Times are milliseconds since 1970."""

    key_id: str
    name: str
    digest: str
    scopes: str
    created_at: int
    last_used_at: int | None
    revoked_at: int | None


class ApiKeys:
    """Open until closed. Threads may share one; every process opens its own."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        try:
            require_newest(self._database)
        except StoreError:
            self.close()
            raise

    def create(self, name: str, scopes: Collection[str], now: datetime) -> str:
        """The new key, told this once."""
        key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        told = " ".join(scope for scope in SCOPES if scope in scopes)
        row = ApiKey(key_id, name, digest_of(secret), told, epoch_ms(now), None, None)
        with self._database.write() as connection:
            connection.execute(insert(API_KEYS).values(row._asdict()))
        return f"{PREFIX}_{key_id}_{secret}"

    def all(self) -> tuple[ApiKey, ...]:
        """The revoked too, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(API_KEYS).order_by(API_KEYS.c.created_at, API_KEYS.c.key_id))
            return tuple(map(ApiKey._make, rows))

    def revoke(self, key_id: str, now: datetime) -> bool:
        """Whether there was such a key to revoke."""
        wanted = (API_KEYS.c.key_id == key_id) & API_KEYS.c.revoked_at.is_(None)
        with self._database.write() as connection:
            return bool(connection.execute(update(API_KEYS).where(wanted).values(revoked_at=epoch_ms(now))).rowcount)

    def note_use(self, used: Mapping[str, datetime]) -> None:
        if not used:
            return
        with self._database.write() as connection:
            for key_id, at in used.items():
                row = update(API_KEYS).where(API_KEYS.c.key_id == key_id)
                connection.execute(row.values(last_used_at=epoch_ms(at)))

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def parts_of(key: str) -> tuple[str, str] | None:
    """Id and secret of what is spelt like a key."""
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if prefix == PREFIX and key_id and secret else None


def known_scopes(scopes: Iterable[str]) -> frozenset[str]:
    told = frozenset(scopes)
    return told | {"read", "write"} if "admin" in told else told
