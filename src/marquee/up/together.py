"""Programs in one terminal: begun in order, told in one log, ended together with whatever they began themselves.

Whoever kills this one, even by `kill -9`, ends them too: see apart.py.
"""

import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from types import FrameType

import psutil

from marquee.alone import alone
from marquee.apart import apart
from marquee.errors import ServiceError

_LOOK_S = 0.2
_PATIENCE_S = 300.0  # until a program is ready; the first start after an installation takes long
_ASKED_S = 5.0  # a program that does not end when it is asked is asked again,
_ASKED_AGAIN_S = 15.0  # and then ended,
_GONE_S = 2.0  # which may take a moment

Tell = Callable[[str, str], None]


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    is_ready: Callable[[], bool]
    port: int | None = None
    after: Sequence[str] = ()  # it begins when these are ready, and ends before them


def run(programs: Sequence[Program], tell: Tell, when_ready: Callable[[], None]) -> int:
    """Until Ctrl-C, and 0; or until one ends by itself, and its exit code. `tell` gets a program's name and a line."""
    with _asked_to_end() as asked:
        crew = _Crew(programs, tell)
        try:
            while not (crew.are_ready or crew.exit_code or asked.wait(_LOOK_S)):
                crew.go_on()
            if crew.are_ready:
                when_ready()
            while not (crew.exit_code or asked.wait(_LOOK_S)):
                crew.check()
        finally:
            crew.end()
    return crew.exit_code


def check_ports(programs: Sequence[Program], way_out: str) -> None:
    taken = [f"{program.port} ({program.name})" for program in programs if program.port and _is_taken(program.port)]
    if taken:
        raise ServiceError(f"in use by another program: port {', '.join(taken)}; {way_out}")


def _is_taken(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is no port in use
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """ServiceError if another process is in here."""
    with alone(lock) as is_alone:
        if not is_alone:
            number = lock.read_text("utf-8")
            raise ServiceError(
                f"Marquee is up already in this project (process {number}): end that one with Ctrl-C first"
            )
        yield


class _Crew:
    def __init__(self, programs: Sequence[Program], tell: Tell) -> None:
        self._programs, self._tell = programs, tell
        self._running: dict[str, psutil.Popen] = {}
        self._began: dict[str, float] = {}
        self._ready: set[str] = set()
        self._listeners: list[Thread] = []
        self.exit_code = 0  # of the first that ended by itself

    @property
    def are_ready(self) -> bool:
        return len(self._ready) == len(self._programs)

    def go_on(self) -> None:
        """Begins what may begin by now, and asks the others whether they are ready."""
        self.check()
        for program in self._programs:
            if program.name in self._ready:
                continue
            if program.name not in self._running:
                if self._ready.issuperset(program.after):
                    self._begin(program)
            elif program.is_ready():
                self._ready.add(program.name)
                self._tell(program.name, f"ready after {monotonic() - self._began[program.name]:.1f} s")
            elif monotonic() - self._began[program.name] > _PATIENCE_S:
                self._give_up(program.name, f"is not ready after {_PATIENCE_S:.0f} s", 1)

    def check(self) -> None:
        for name, process in self._running.items():
            if (code := process.poll()) is not None:
                self._give_up(name, f"ended by itself with exit code {code}", code if code > 0 else 1)

    def end(self) -> None:
        """Who needs others ends before them."""
        while self._running:
            needed = {name for program in self._programs if program.name in self._running for name in program.after}
            _end([self._running.pop(name) for name in list(self._running) if name not in needed])
        for listener in self._listeners:
            listener.join(_ASKED_S)  # the last words of each

    def _give_up(self, name: str, words: str, code: int) -> None:
        self.exit_code = self.exit_code or code
        self._tell(name, f"{words}; everything else is stopped")

    def _begin(self, program: Program) -> None:
        # A group of its own: Ctrl-C in the terminal reaches nobody but us, and what is left of a group can be ended.
        process = psutil.Popen(env=program.environment, **apart(program.command))
        self._running[program.name], self._began[program.name] = process, monotonic()
        listener = Thread(target=self._listen, args=(program.name, process), daemon=True)
        listener.start()
        self._listeners.append(listener)

    def _listen(self, name: str, process: psutil.Popen) -> None:
        with process.stdout as lines:
            for line in lines:
                if words := line.decode("utf-8", "replace").rstrip():
                    self._tell(name, words)


def _end(processes: Sequence[psutil.Popen]) -> None:
    kin = [child for process in processes for child in _children(process)]
    for patience_s in (_ASKED_S, _ASKED_AGAIN_S):
        for process in processes:
            if process.poll() is None:
                process.terminate()
        psutil.wait_procs(processes, patience_s)
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    for child in kin:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs([*processes, *kin], _ASKED_S)
    for process in processes:
        process.stdin.close()
        _outlive(process.pid)


def _outlive(group: int) -> None:
    """Whoever is killed needs a moment to be gone; those of a group that lost its first are nobody's children here."""
    end = monotonic() + _GONE_S
    while monotonic() < end and any(map(partial(_is_alive_in, group), psutil.process_iter())):
        sleep(_LOOK_S / 20)


def _is_alive_in(group: int, process: psutil.Process) -> bool:
    try:
        return os.getpgid(process.pid) == group and bool(process.status() != psutil.STATUS_ZOMBIE)
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def _children(process: psutil.Popen) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


@contextmanager
def _asked_to_end() -> Iterator[Event]:
    """Ctrl-C, SIGTERM, or a terminal that was closed."""
    asked = Event()

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as Python calls it
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
