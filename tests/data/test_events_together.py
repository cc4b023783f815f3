"""The event store among others: writers that are killed, several at once, readers beside them."""

import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from marquee.data.events import Event, EventStore
from tests.data.conftest import NOW, PARAMS, TITLES, an_event, ids

WRITER = """
import sys
from datetime import UTC, datetime
from marquee.data.events import EventStore
from marquee.params import EventParams
url, name, batches, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
now = datetime(2026, 3, 1, 12, tzinfo=UTC)
params = EventParams(future_tolerance_s=300, text_limit=200, batch_limit=1000, partition_rows=1000)
print("ready", flush=True)
sys.stdin.readline()
with EventStore(url, params, None) as store:
    for batch in range(batches):
        ids = [f"{name}-{batch}-{n}" for n in range(size)] + [f"shared-{batch}"]
        common = dict(user_id=7, title_id=5, kind="opened", source="page", happened_at="2026-03-01T11:00:00Z")
        receipt = store.append([dict(common, event_id=event_id) for event_id in ids], now)
        assert not receipt.refused, receipt
        print(*ids, flush=True)
"""


class Writer:
    """Another process: it writes batches once it is told to, and says which ids were acknowledged."""

    def __init__(self, url: str, name: str, batches: int, size: int) -> None:
        command = [sys.executable, "-W", "error", "-c", WRITER, url, name, str(batches), str(size)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)

    def begin(self) -> None:
        assert self.process.stdin is not None
        assert self.line() == "ready\n"
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def kill(self) -> str:
        """Answers what it had still said."""
        self.process.kill()
        return self.process.communicate()[0]


Start = Callable[[Sequence[str], int, int], list[Writer]]


@pytest.fixture
def writers(store_url: str) -> Iterator[Start]:
    started: list[Writer] = []

    def start(names: Sequence[str], batches: int, size: int) -> list[Writer]:
        started.extend(Writer(store_url, name, batches, size) for name in names)
        return started

    yield start
    for writer in started:
        writer.kill()


def test_an_acknowledged_event_survives_the_killing_of_its_writer(store_url: str, writers: Start) -> None:
    chance = random.Random(7)
    for writer in writers(["first", "second", "third"], 1_000_000, 5):
        writer.begin()
        said = "".join(writer.line() for _ in range(chance.randint(1, 40))) + writer.kill()
        acknowledged = {
            event_id for line in said.splitlines(keepends=True) if line[-1] == "\n" for event_id in line.split()
        }
        with EventStore(store_url, PARAMS, TITLES) as store:
            kept = store.since(0, 1_000_000)
        assert acknowledged
        assert acknowledged <= set(ids(kept))
        assert [event.position for event in kept] == list(range(1, len(kept) + 1))


def test_several_processes_create_the_store_and_write_at_once_and_a_follower_misses_nothing(
    store_url: str, writers: Start
) -> None:
    started = writers("abcd", 40, 3)
    for writer in started:
        writer.begin()
    followed: list[Event] = []
    with EventStore(store_url, PARAMS, TITLES) as store:
        while len(followed) < 4 * 40 * 3 + 40:
            followed += store.since(followed[-1].position if followed else 0, 50)
            failed = [writer.kill() for writer in started if writer.process.poll()]
            assert not failed, failed[0]
        said = [writer.process.communicate()[0] for writer in started]
        assert [writer.process.returncode for writer in started] == [0] * 4, said
        assert followed == list(store.since(0, 10_000))
    assert [event.position for event in followed] == list(range(1, len(followed) + 1))


def test_reading_does_not_wait_for_a_writer(store: EventStore) -> None:
    store.append([an_event("a")], NOW)
    with store._database.write():
        assert ids(store.history(7, 10)) == ["a"]
        assert store.position() == 1


def test_many_may_open_a_store_that_is_not_there_yet(store_url: str) -> None:
    at_once = threading.Barrier(8)

    def accepted(number: int) -> int:
        at_once.wait()
        with EventStore(store_url, PARAMS, TITLES) as store:
            return store.append([an_event(str(number))], NOW).accepted

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(accepted, range(8))) == [1] * 8


def test_threads_share_a_store(store: EventStore) -> None:
    def accepted(name: int) -> int:
        batches = ([an_event(f"{name}-{batch}"), an_event(f"shared-{batch}")] for batch in range(10))
        return sum(store.append(batch, NOW).accepted for batch in batches)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(accepted, range(4))) == 50
    assert store.position() == 50
    assert len(store.history(7, 100)) == 50
