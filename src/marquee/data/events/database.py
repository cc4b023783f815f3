"""One URL, reached: SQLite or PostgreSQL. `read` sees one moment, `write` waits its turn, both fail in one sentence.

Another kind of database is one more branch in `_engine`, and a way to let one writer in at a time in `write`.
"""

import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.trace import get_current_span
from sqlalchemy import URL, Connection, Engine, Select, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.sql.compiler import SQLCompiler

from marquee.errors import StoreError

if TYPE_CHECKING:
    from marquee.data.events.impatient import Impatient

PATIENCE_S = 30.0  # how long a writer waits for the others
_READERS_S = 2.0  # how long whoever erases waits for those who read
_CONNECT_S = 3  # how long a server may say nothing to who connects
_WRITERS = 0x6D617271  # PostgreSQL's name for the lock that writers take turns with

_log = logging.getLogger("marquee.data")

# What a URL does not say itself. The last three: a network that is gone is noticed while a long answer is waited for.
_POSTGRESQL = MappingProxyType(
    {"connect_timeout": _CONNECT_S, "tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 3}
)

# FULL: a commit is on the disk before it is acknowledged. WAL: who reads never waits for who writes.
# What is deleted is overwritten, so that who asked to be forgotten is. Ids are random, so every batch touches pages all
# over the file: room to remember them, and many batches between two returns of the log to the file.
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",
    "PRAGMA cache_size = -65536",
    "PRAGMA wal_autocheckpoint = 8192",
)

# What a driver says, and what its reader can do about it.
_WAYS_OUT = MappingProxyType(
    {
        "unable to open database file": "name a file in a folder that can be written",
        "file is not a database": "name another file: this one is something else, or broken",
        "disk image is malformed": "restore the file from a copy: it is broken",
        "readonly database": "make the file and its folder writable",
        "disk is full": "free some space on its disk",
        "locked": "end the program that holds it, then try again",
        "lock timeout": "end the program that holds it, then try again",
        "authentication failed": "correct the user and the password in its URL",
        "does not exist": "create it, or correct its URL",
    }
)


class Database:
    def __init__(self, url: str, patience_s: float = PATIENCE_S) -> None:
        known = known_url(url)
        self._patience_s = patience_s
        self.name = _without_secrets(known)
        if known.get_backend_name() == "sqlite":
            _make_folder_of(known)
        self._reading, self._writing = _two_ways(_engine(known, patience_s))
        self._asked: dict[Select[Any], SQLCompiler] = {}

    @property
    def has_months(self) -> bool:
        return self._reading.dialect.name == "postgresql"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees the database as it was at its first question."""
        with self._in_one_sentence(), self._reading.begin() as connection:
            _take_time(connection)
            yield connection

    def ask(self, question: Select[Any], told: Mapping[str, int]) -> Sequence[tuple[Any, ...]]:
        """The rows of a single question that is asked at every request: SQLAlchemy puts it into words once, and the
        driver asks it, in half of the time. Alone it sees one moment without a transaction. A server that says nothing
        is not waited for.

        Where the request is traced, SQLAlchemy asks it: its listeners tell of each question.
        """
        if get_current_span().is_recording():
            with self._in_one_sentence(), self._reading.begin() as connection:
                return [tuple(row) for row in connection.execute(question, told)]
        words, in_order = self._words_of(question, told)
        with self._in_one_sentence(), closing(self._reading.raw_connection()) as connection_below:
            cursor = connection_below.cursor()
            cursor.execute(words, in_order)
            return cursor.fetchall()

    def _words_of(self, question: Select[Any], told: Mapping[str, int]) -> tuple[str, Any]:
        """And what is told, in the order or by the names that the driver takes it."""
        if question not in self._asked:
            self._asked[question] = question.compile(self._reading)
        asked = self._asked[question]
        values = asked.construct_params(told)
        in_order = asked.positiontup
        return str(asked), values if in_order is None else tuple(values[name] for name in in_order)

    @contextmanager
    def follow(self) -> Iterator[Connection]:
        """A read that is asked many times a second of all months: planned once, it costs a third."""
        with self.read() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The only writing transaction there is at this time, of all processes; StoreError if others take too long."""
        with self._in_one_sentence(), self._writing.begin() as connection:
            _take_time(connection)
            if connection.dialect.name == "postgresql":
                patience = func.set_config("lock_timeout", f"{self._patience_s * 1000:.0f}ms", True)
                connection.execute(select(patience, func.pg_advisory_xact_lock(_WRITERS)))
            yield connection

    @contextmanager
    def erase(self) -> Iterator[Connection]:
        """A write that leaves nothing of what it deletes in an SQLite file; PostgreSQL vacuums by itself."""
        with self.write() as connection:
            yield connection
        if self._reading.dialect.name == "sqlite" and not self._overwritten():
            _log.warning(
                "event store %s: nobody is told any more what was deleted, but its bytes stay in the file while another"
                " program reads it; they are overwritten when somebody is forgotten next, or all have closed the file",
                self.name,
            )

    def _overwritten(self) -> bool:
        """Whether the log beside an SQLite file went back into it: not while somebody reads what was before."""
        with self._in_one_sentence(), closing(self._reading.raw_connection()) as connection_below:
            cursor = connection_below.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {1000 * _READERS_S:.0f}")
            try:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                (is_busy, *_) = cursor.fetchall()[0]
            finally:
                cursor.execute(f"PRAGMA busy_timeout = {1000 * self._patience_s:.0f}")
        return not is_busy

    def close(self) -> None:
        self._reading.dispose()

    @contextmanager
    def _in_one_sentence(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, self._reading.dialect.loaded_dbapi.Error) as error:
            raise StoreError(f"event store {self.name}: {_sentence(error)}") from error


def known_url(url: str) -> URL:
    """Of a database that may keep events, with the driver that reaches it."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError("event store: its URL cannot be read; write sqlite:///state/events.db") from None
    if parsed.drivername.partition("+")[0] in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite") or _is_no_file(parsed.database):
        raise StoreError(
            f"event store {_without_secrets(parsed)}: not a place for events; "
            "write sqlite:///state/events.db or postgresql://user:password@host/name"
        )
    return parsed


def _is_no_file(path: str | None) -> bool:
    return not path or path == ":memory:" or path.startswith("file:")


def _make_folder_of(url: URL) -> None:
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"event store {_without_secrets(url)}: {error}; name a file in a folder that can be made"
        ) from error


def _engine(url: URL, patience_s: float) -> Engine:
    if url.get_backend_name() == "postgresql":
        unsaid = {name: value for name, value in _POSTGRESQL.items() if name not in url.query}
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=unsaid)
        from marquee.data.events.impatient import Impatient  # noqa: PLC0415 - half a second that SQLite does without

        event.listen(engine, "do_connect", lambda _, __, told, named: Impatient.connect(*told, **named))
        event.listen(engine, "checkin", _take_no_time)
        return engine
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": patience_s})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _take_time(connection: Connection) -> None:
    """Writers wait for each other, and a snapshot for all that there is. It ends with the transaction."""
    if connection.dialect.name == "postgresql":
        cast("Impatient", connection.connection.driver_connection).takes_time = True


def _take_no_time(connection: "Impatient | None", _record: object) -> None:
    if connection is not None:
        connection.takes_time = False


def _two_ways(engine: Engine) -> tuple[Engine, Engine]:
    """For reading and for writing, from one pool of connections."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="REPEATABLE READ"), engine
    return engine, engine.execution_options(begin="BEGIN IMMEDIATE")


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: `_begin_sqlite` does
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    _use_wal(connection)


def _use_wal(connection: sqlite3.Connection) -> None:
    """SQLite does not wait for another process that is just turning the file to WAL, so this does."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError:
        connection.execute("BEGIN IMMEDIATE")  # this one waits, or says what is really wrong
        connection.execute("ROLLBACK")
        connection.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    options: Any = connection.get_execution_options()
    connection.exec_driver_sql(options.get("begin", "BEGIN"))


def _sentence(error: Exception) -> str:
    said = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
    way_out = next((way for words, way in _WAYS_OUT.items() if words in said), "see that its database is running")
    return f"{said}; {way_out}"


def _without_secrets(url: URL) -> str:
    return url.set(query={}).render_as_string(hide_password=True)
