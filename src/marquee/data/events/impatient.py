"""A connection to PostgreSQL that gives up a server that says nothing.

One that was stopped still has its connections, and never answers; no setting of the server or of the network ends that.
"""

from collections.abc import Generator
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

SILENCE_S = 3  # how long a server may say nothing to a question of every request

Answer = TypeVar("Answer")


class Impatient(psycopg.Connection[Any]):
    """Whoever begins a transaction lets it take its time."""

    takes_time = False

    def wait(self, gen: PQGen[Answer], *how: Any, **more: Any) -> Answer:
        if self.takes_time:
            return super().wait(gen, *how, **more)
        try:
            return super().wait(_soon(gen), *how, **more)
        except psycopg.errors.ConnectionTimeout:
            self.pgconn.finish()
            raise

    def rollback(self) -> None:
        """Of one that is closed there is nothing; the pool would log a traceback for each."""
        if not self.closed:
            super().rollback()


def _soon(answer: PQGen[Answer]) -> Generator[Any, Any, Answer]:
    until = monotonic() + SILENCE_S
    try:
        awaited = next(answer)
        while True:
            has_come = yield awaited
            if not has_come and monotonic() > until:
                raise psycopg.errors.ConnectionTimeout(f"no answer within {SILENCE_S} s")
            awaited = answer.send(has_come)
    except StopIteration as answered:
        value: Answer = answered.value
        return value
