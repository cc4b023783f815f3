"""How fast is the service at the Netflix Prize's size, over HTTP on loopback, and where does the time go?

A real `marquee serve`, first one worker and then two, on the model of recommending.py with stars and a search index
(the first run makes it: many minutes), with a store of events; a load generator in a process of its own; beside it, in
the same run, a bare BentoML endpoint under the same generator, so that the box is seen, and what the framework costs;
and, with `--rectools`, RecTools' two stages in their own process.
`--soak MINUTES` does nothing else: events, lists and searches while the champion changes three times. `--quick` serves
a tiny model, only to see that all this runs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.recommending import FOLDER
from benchmarks.serving.costs import of_files, of_workers, processor_s
from benchmarks.serving.load import Call, Figures, Generator, Load, listed, step
from benchmarks.serving.parts import K, parts, table
from benchmarks.serving.pushed import finished, pushed
from benchmarks.serving.soak import promote, registered, soak
from benchmarks.serving.world import World, filled, tiny, whole
from marquee.model.folder import load_model
from marquee.model.histories import Histories
from marquee.model.recommender import params_of
from tests.serve.running import MARQUEE, Running, running

RATE, LANES, STREAMS = 50, 16, 50
CROWD, CROWD_RATE = 100, 200  # viewers at once, and lists a second that they ask for
SEARCHES = 20  # a second
PEER = Path(__file__).parent / "serving" / "rectools_peer.py"
PEER_VIEWERS, PEER_TIMES = 1_000, 100
BARE = ("-m", "bentoml", "serve", "benchmarks.serving.bare:Bare")
LIMITS = {"p50": 8.0, "p99": 25.0, "lists a second": 150.0, "event": 100.0, "MB": 500.0, "search": 20.0, "start": 10.0}


@dataclass(frozen=True)
class Size:
    seconds: int  # of each load
    viewers: int  # with events
    born: int
    asked: int  # in this process, part by part


WHOLE, QUICK = Size(20, 2_000, 250, 200), Size(3, 100, 40, 30)


class Asked:
    """Calls on a world; viewers with events and without take turns as they are drawn."""

    def __init__(self, world: World) -> None:
        self._rng, self._world = np.random.default_rng(5), world

    def lists(self, count: int, explain: bool) -> list[Call]:
        return [
            Call((step("/recommend", {"user_id": user_id, "k": K, "explain": explain}),))
            for user_id in self._who(count)
        ]

    def searches(self, count: int) -> list[Call]:
        """Names as far as they are typed, from the first letter on."""
        names = self._rng.choice(np.array(self._world.names, object), count).tolist()
        typed = [name[: self._rng.integers(1, len(name) + 1)] for name in names]
        told = zip(typed, self._who(count), strict=True)
        return [Call((step("/search", {"query": query, "user_id": user_id}),)) for query, user_id in told]

    def _who(self, count: int) -> list[int]:
        return [int(user_id) for user_id in self._rng.choice(self._world.viewers, count)]


def finishing(user_id: int, title_id: int) -> Call:
    """An event, and the list after it, in which its title must not be."""
    event = step("/events", {"events": [finished(user_id, title_id)]})
    return Call((event, step("/recommend", {"user_id": user_id, "k": K, "explain": True})), gone=title_id)


def of_known(service: Running, user_ids: Sequence[int]) -> list[Call]:
    lists = [service.post("/recommend", {"user_id": user_id, "k": K}).text for user_id in user_ids]
    return [finishing(user_id, listed(told)[0]) for user_id, told in zip(user_ids, lists, strict=True)]


def of_born(service: Running, count: int, favourites: Sequence[int]) -> list[Call]:
    """Viewers who signed up just now."""
    signed_up = [service.post("/sign_up", {"favourites": favourites, "k": K}).json() for _ in range(count)]
    return [finishing(told["user_id"], told["next"]["titles"][0]["title_id"]) for told in signed_up]


def show(what: str, figures: Figures, limit: str = "") -> None:
    told = f"{figures.p(50):8.1f}{figures.p(95):8.1f}{figures.p(99):8.1f}{figures.rate:9.0f}/s"
    faults = [f"{len(figures.errors)} ERRORS, as {figures.errors[0]}"] if figures.errors else []
    faults += [f"{figures.stale} STALE LISTS"] if figures.stale else []
    sent = f"sent {figures.late:.1f} ms late at p99" if figures.late_ms else ""
    print(f"{what:<52}{told}  {'; '.join(filter(None, (limit, sent, *faults)))}", flush=True)


def of_limit(value: float, limit: float) -> str:
    return f"{value / limit:.0%} of {limit:g}"


def port_of(service: Running) -> int:
    port = service.client.base_url.port
    assert port is not None
    return port


@contextmanager
def serving(
    folder: Path, model: Path, compiled: Path | None = None, **settings: object
) -> Iterator[tuple[Running, float]]:
    """A `marquee serve`, and the seconds from its start until it was ready; machine code may be kept in a folder."""
    told = {f"MARQUEE_{name.upper()}": value for name, value in settings.items()}
    told |= {} if compiled is None else {"NUMBA_CACHE_DIR": compiled}
    began = time.perf_counter()
    with running(folder, model, told, MARQUEE) as service:
        yield service, time.perf_counter() - began


@contextmanager
def bare(folder: Path) -> Iterator[int]:
    """The port of the endpoint beside."""
    (folder / "bare").mkdir(exist_ok=True)
    path = {"PYTHONPATH": str(Path(__file__).parents[1])}
    with running(folder / "bare", folder, path, BARE) as service:
        yield port_of(service)


class Benchmark:
    def __init__(self, folder: Path, model: Path, size: Size) -> None:
        self.folder, self.size, self.generator = folder, size, Generator()
        self.url = f"sqlite:///{folder}/events.db"
        self.world = filled(model, self.url, size.viewers)
        self.asked = Asked(self.world)

    def put(self, what: str, port: int, calls: Sequence[Call], rate: float | None, limit: str = "") -> Figures:
        figures = self.generator.put(Load(port, calls, LANES, rate))
        show(what, figures, limit)
        return figures

    def lists(self, seconds: float, explain: bool = True) -> list[Call]:
        return self.asked.lists(int(RATE * seconds), explain)

    def beside(self, port: int, closed: int) -> Figures:
        self.put("bare BentoML, as fast as it answers", port, self.asked.lists(closed, explain=True), None)
        return self.put(f"bare BentoML, {RATE}/s", port, self.lists(self.size.seconds), RATE)

    def one_worker(self) -> None:
        with bare(self.folder) as other, serving(self.folder, self.world.model) as (service, ready_s):
            port, size = port_of(service), self.size
            print(f"start to ready: {ready_s:.1f} s, {of_limit(ready_s, LIMITS['start'])} s; one worker from here on")
            print(f"{'ms':<52}{'p50':>8}{'p95':>8}{'p99':>8}")
            self.generator.put(Load(port, self.lists(2), LANES, RATE))
            floor = self.beside(other, 1_000)
            of_lists = self.put(f"lists with reasons, {RATE}/s", port, self.lists(size.seconds), RATE)
            for percent in (50, 99):
                ours, limit = of_lists.p(percent), LIMITS[f"p{percent}"]
                print(f"    p{percent}: {of_limit(ours, limit)} ms, {ours / floor.p(percent):.1f} x the bare endpoint")
            self.put(f"lists without reasons, {RATE}/s", port, self.lists(size.seconds, explain=False), RATE)
            alone, processor_ms = self.alone(service)
            self.events(service)
            searched = self.put(f"searches, {SEARCHES}/s", port, self.asked.searches(SEARCHES * size.seconds), SEARCHES)
            print(f"    p95: {of_limit(searched.p(95), LIMITS['search'])} ms")
            self.crowd(service)
            print(f"private memory of the worker: {of_limit(of_workers(service), LIMITS['MB'])} MB")
            print(f"of the model's files it has read {of_files(service):.0f} MB")
        self.where(alone.p(50), processor_ms)

    def starts(self) -> None:
        """As in a new container: without any machine code, and with what the start before it made."""
        for what in ("without any machine code", "with what that one made"):
            with serving(self.folder, self.world.model, self.folder / "compiled") as (_, ready_s):
                print(f"start to ready {what}: {ready_s:.1f} s")

    def events(self, service: Running) -> None:
        port, size = port_of(service), self.size
        some = self.world.viewers[: RATE * size.seconds // 2]
        within = f"limit {LIMITS['event']:g} at p99"
        self.put("event, then the list after it", port, of_known(service, some), RATE, within)
        born = of_born(service, size.born, self.world.titles["title_id"].to_list()[:3])
        self.put("the same of viewers born seconds ago", port, born, RATE, within)
        told = self.generator.call(pushed, port, self.world.viewers[:STREAMS], RATE, RATE * size.seconds // 2)
        show(f"event until the list is pushed, {STREAMS} streams", told, within)

    def two_workers(self) -> None:
        with bare(self.folder) as other, serving(self.folder, self.world.model, workers=2) as (service, _):
            port, count = port_of(service), 100 * self.size.seconds
            print("two workers from here on")
            self.generator.put(Load(port, self.lists(4), LANES))
            self.put("bare BentoML (one worker)", other, self.asked.lists(count, explain=True), None)
            told = self.put("lists with reasons, as fast as they come", port, self.asked.lists(count, True), None)
            print(f"    {told.rate:.0f} a second, {told.rate / LIMITS['lists a second']:.0%} of the 150 asked for")
            self.put("lists without reasons, as fast as they come", port, self.asked.lists(count, False), None)
            print(f"private memory of a worker: {of_limit(of_workers(service), LIMITS['MB'])} MB")

    def crowd(self, service: Running) -> None:
        """More than it can answer: whom it cannot answer soon it is to tell so at once."""
        before = of_workers(service)
        calls = self.asked.lists(CROWD_RATE * self.size.seconds // 2, explain=True)
        told = self.generator.put(Load(port_of(service), calls, CROWD, CROWD_RATE))
        others = [error for error in told.errors if " 503 " not in error]
        crowded = len(told.errors) - len(others)
        show(f"lists with reasons, {CROWD_RATE}/s", replace(told, errors=others))
        more = of_workers(service) - before
        print(f"    {crowded} of {len(calls)} were told to come again; {more:+.0f} MB of private memory")

    def alone(self, service: Running) -> tuple[Figures, float]:
        """One list after another, and what each costs the processor: that does not wait for who else uses it."""
        calls = self.lists(self.size.seconds / 2)
        before = processor_s(service)
        figures = self.generator.put(Load(port_of(service), calls, lanes=1))
        show("lists with reasons, one after another", figures)
        return figures, 1e3 * (processor_s(service) - before) / len(calls)

    def where(self, http_ms: float, http_processor_ms: float) -> None:
        timed = parts(self.world, self.url, self.world.viewers[: self.size.asked])
        print(f"{'where the time of one list goes, at the median':<52}{'ms':>8}{'share':>8}{'processor ms':>16}")
        for name, ms, processor_ms in table(timed, http_ms, http_processor_ms):
            print(f"    {name:<48}{ms:8.2f}{ms / http_ms:8.0%}{processor_ms:16.2f}")
        print(f"    {'all of it over HTTP, nobody else asking':<48}{http_ms:8.2f}{'':8}{http_processor_ms:16.2f}")

    def soak(self, minutes: float) -> None:
        calls = self.mixed(int(60 * minutes * RATE))
        with (
            registered(self.folder, self.world.model) as (database, registry_url),
            serving(self.folder, self.world.model, registry_url=registry_url) as (service, _),
        ):
            going = self.generator.begin(Load(port_of(service), calls, LANES, RATE))
            soaked = soak(going, service, minutes, partial(promote, database), partial(of_workers, service))
        show(f"{minutes:g} minutes of lists, events and searches", soaked.figures)
        first, last = np.array_split(np.array(soaked.megabytes), 4)[0::3]
        print(f"errors: {len(soaked.figures.errors)}; served in turn: {', '.join(soaked.versions)}")
        print(f"private memory: {np.median(first):.0f} MB in the first quarter, {np.median(last):.0f} in the last")

    def mixed(self, count: int) -> list[Call]:
        """Half lists, a third events, the rest searches."""
        titles = self.world.titles["title_id"].to_list()
        rng = np.random.default_rng(9)
        told = zip(rng.choice(self.world.viewers, count).tolist(), rng.choice(titles, count).tolist(), strict=True)
        events = (Call((step("/events", {"events": [finished(*each)]}),)) for each in told)
        lists, searches = iter(self.asked.lists(count, explain=True)), iter(self.asked.searches(count))
        kinds = islice(cycle([lists, events, lists, searches, lists, events]), count)
        return [next(kind) for kind in kinds]


def peer(python: Path | None, folder: Path, model: Path) -> None:
    """Of a few viewers: for each question RecTools lays out the histories of all it knows anew."""
    if python is None:
        print("RecTools' two-stage in process: not measured without --rectools")
        return
    contents = load_model(model)
    histories, params = Histories(**contents.arrays["histories"]), params_of(contents)
    few = np.random.default_rng(3).choice(len(histories), min(PEER_VIEWERS, len(histories)), replace=False)
    some = histories.of(few)
    rows = folder / "rows.npz"
    np.savez(rows, user=some.user_ids[some.user], title=some.title, at=some.at, asked=some.user_ids)
    numbers = map(str, (params.sources.als.factors, params.sources.depth, K, PEER_TIMES))
    told = subprocess.run([python, PEER, rows, *numbers], check=True, capture_output=True, text=True).stdout
    p50, p95 = np.percentile(json.loads(told.splitlines()[-1]), (50, 95))
    print(f"RecTools' two-stage in process, {len(some):,} viewers: p50 {p50:.1f} ms, p95 {p95:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"where the model is kept, {FOLDER}")
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rectools", type=Path, metavar="PYTHON", help="of an environment that has it: see its peer")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="marquee-serve-") as temporary:
        folder = Path(temporary)
        model = tiny(folder) if given.quick else whole(given.folder)
        benchmark = Benchmark(folder, model, QUICK if given.quick else WHOLE)
        try:
            if given.soak:
                benchmark.soak(given.soak)
            else:
                benchmark.starts()
                benchmark.one_worker()
                benchmark.two_workers()
                peer(given.rectools, folder, model)
        finally:
            benchmark.generator.close()


if __name__ == "__main__":
    main()
