"""A server that says nothing any more: it keeps its connections, takes new ones, and answers nobody."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import URL

_CLIENTS = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


@contextmanager
def silent(postgres: URL) -> Iterator[None]:
    """The real server of the tests, all of whose processes that speak are stopped for that time."""
    folder = Path(str(postgres.query["host"]))
    with psycopg.connect(postgres.render_as_string(hide_password=False), autocommit=True) as connection:
        clients = [pid for (pid,) in connection.execute(_CLIENTS)]
    processes = [int((folder / "postmaster.pid").read_text("utf-8").split()[0]), *clients]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
