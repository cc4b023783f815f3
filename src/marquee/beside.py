"""Beside: a part of one answer on a second thread, while the first goes on with another part.

Most of an answer is machine code that holds no lock of Python's, so two threads answer sooner than one. There is one
such thread, so what it does asks for nothing beside itself; work in bulk has threads of its own.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

Answer = TypeVar("Answer")


def beside(work: Callable[[], Answer]) -> "Future[Answer]":
    return _thread().submit(work)


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="beside")
