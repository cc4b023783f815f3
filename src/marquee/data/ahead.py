"""Work done ahead of its use: an ordered map over threads that never runs further ahead than its threads."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Done = TypeVar("Done")

# More threads would hold more pieces in memory and wait for the same parser.
THREADS = min(4, os.cpu_count() or 1)


def ahead(work: Callable[[Given], Done], inputs: Iterable[Given]) -> Generator[Done]:
    """`map(work, inputs)`, for work that lets other threads run: numpy, polars, decompression."""
    waiting: deque[Future[Done]] = deque()
    with ThreadPoolExecutor(THREADS) as threads:
        for given in inputs:
            waiting.append(threads.submit(work, given))
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
