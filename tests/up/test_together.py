"""Programs that live together: their order, their log, and that nothing of them stays behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

import psutil
import pytest
from typer.testing import CliRunner

from marquee.cli import app
from marquee.errors import ServiceError
from marquee.up import together
from marquee.up.together import Program

ROOT = Path(__file__).parents[2]
FOREVER = "import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {FOREVER}"
PARENT = f"import subprocess, sys; child = [sys.executable, '-c', {FOREVER!r}]; "
# One that ends with its parent's group, and one that has left it.
FAMILY = (
    f"{PARENT}print(subprocess.Popen(child).pid, subprocess.Popen(child, start_new_session=True).pid, flush=True); "
)


@dataclass
class Log:
    lines: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, name: str, line: str) -> None:
        self.lines.append((name, line))

    def of(self, name: str) -> list[str]:
        return [line for who, line in self.lines if who == name]


def program(name: str, code: str, is_ready: Callable[[], bool] = lambda: True, after: Sequence[str] = ()) -> Program:
    return Program(name, [sys.executable, "-c", code], os.environ, is_ready, after=after)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def end_after(log: Log, lines: int) -> Callable[[], None]:
    """What is called when all are ready: Ctrl-C, once so many lines are in the log."""

    def look() -> None:
        if len(log.lines) >= lines:
            interrupt()
        else:
            Timer(0.05, look).start()

    return look


def _runs(pid: int) -> bool:
    """Not gone, and not merely waiting for whoever inherited it to ask how it ended."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_who_needs_another_begins_when_that_is_ready_and_ends_before_it(tmp_path: Path) -> None:
    mark = tmp_path / "first-is-ready"
    first = f"import os, pathlib; pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); {FOREVER}"
    second = f"""import os, pathlib, psutil, signal, sys
first = psutil.Process(int(pathlib.Path({str(mark)!r}).read_text()))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print(first.status() != psutil.STATUS_ZOMBIE, flush=True)))
print("begun", flush=True); {FOREVER}"""
    log = Log()
    programs = [
        program("second", second, after=["first"]),
        program("first", first, lambda: mark.exists() and bool(mark.read_text())),
    ]
    assert together.run(programs, log.tell, end_after(log, 3)) == 0
    assert [name for name, line in log.lines if line.startswith("ready")] == ["first", "second"]
    assert [line for line in log.of("second") if not line.startswith("ready")] == ["begun", "True"]


def children() -> set[int]:
    """Of this process; other tests may have some, too."""
    return {child.pid for child in psutil.Process().children()}


def test_every_line_is_told_with_the_name_of_who_said_it() -> None:
    log = Log()
    programs = [program(name, f"print('I am {name}', flush=True); {FOREVER}") for name in ("one", "two")]
    assert together.run(programs, log.tell, end_after(log, 4)) == 0
    assert [line for line in log.of("one") if not line.startswith("ready")] == ["I am one"]
    assert [line for line in log.of("two") if not line.startswith("ready")] == ["I am two"]


def test_one_that_ends_is_told_of_the_others_are_stopped_and_its_code_is_the_answer() -> None:
    log = Log()
    stays = f"import os; print(os.getpid(), flush=True); {FOREVER}"
    programs = [
        program("stays", stays, lambda: bool(log.of("stays"))),
        program("ends", "exit(7)", after=["stays"]),
    ]
    assert together.run(programs, log.tell, lambda: None) == 7
    assert "ended by itself with exit code 7; everything else is stopped" in log.of("ends")
    (pid,) = (int(line) for line in log.of("stays") if line.isdigit())
    assert not _runs(pid)


def test_nothing_stays_behind_of_a_family_even_of_one_that_left_it_or_does_not_listen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for patience in ("_ASKED_S", "_ASKED_AGAIN_S"):
        monkeypatch.setattr(together, patience, 0.5)
    log, others = Log(), children()
    programs = [program("family", FAMILY + FOREVER), program("deaf", STUBBORN)]
    assert together.run(programs, log.tell, end_after(log, 4)) == 0
    (pids,) = (line.split() for line in log.of("family") if line[0].isdigit())
    assert len(pids) == 2
    assert [pid for pid in map(int, pids) if _runs(pid)] == []
    assert children() <= others


def test_what_is_left_of_one_that_died_goes_too() -> None:
    log = Log()
    orphan = f"{PARENT}print(subprocess.Popen(child).pid, flush=True); exit(3)"
    assert together.run([program("dies", orphan)], log.tell, lambda: None) == 3
    (pid,) = (int(line) for line in log.of("dies") if line.isdigit())
    assert not _runs(pid)


def test_one_that_never_gets_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_PATIENCE_S", 0.3)
    log = Log()
    assert together.run([program("slow", FOREVER, lambda: False)], log.tell, interrupt) == 1
    assert log.of("slow") == ["is not ready after 0 s; everything else is stopped"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_good_order_also_before_all_are_ready(number: signal.Signals) -> None:
    before, others = signal.getsignal(number), children()

    def is_ready() -> bool:
        os.kill(os.getpid(), number)
        return False

    assert together.run([program("slow", FOREVER, is_ready)], Log().tell, interrupt) == 0
    assert children() <= others
    assert signal.getsignal(number) == before


def test_a_port_in_use_is_named_with_its_owner_and_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one = Program("registry", ["true"], {}, lambda: True, port)
        with pytest.raises(ServiceError, match=rf"in use by another program: port {port} \(registry\); move it"):
            together.check_ports([one], "move it")
    together.check_ports([one], "move it")


def test_make_up_sees_whether_its_ports_are_free_before_anything_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (recipe,) = re.findall(r"^up:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert recipe.splitlines()[0] == "\t@marquee up --check"
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("MARQUEE_PORT", str(taken.getsockname()[1]))
        done = CliRunner().invoke(app, ["up", "--check", "--only", "service"])
        assert isinstance(done.exception, ServiceError)
        assert "(service); end it, or move all ports" in str(done.exception)
    assert CliRunner().invoke(app, ["up", "--check", "--only", "service"]).exit_code == 0


def test_a_second_one_in_the_same_place_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    lock = tmp_path / "state" / "up.lock"
    with (
        together.only_one(lock),
        pytest.raises(ServiceError, match=f"already in this project .process {os.getpid()}"),
        together.only_one(lock),
    ):
        pass
    with together.only_one(lock):
        pass


def test_a_lock_goes_with_its_process_however_that_ends(tmp_path: Path) -> None:
    lock = tmp_path / "up.lock"
    code = f"""from pathlib import Path; from marquee.up import together
with together.only_one(Path({str(lock)!r})): print('in', flush=True); {FOREVER}"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"in\n"
    holder.kill()
    holder.communicate()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            with together.only_one(lock):
                return
        except ServiceError:
            time.sleep(0.05)
    pytest.fail("the lock stays with a process that is gone")


def test_whoever_kills_it_ends_everybody_also_who_has_left_the_family(tmp_path: Path) -> None:
    """Killed, nothing can be caught or tidied up."""
    log = tmp_path / "log"
    code = f"""import os, sys; from marquee.up.together import Program, run
command = [sys.executable, "-c", {FAMILY + FOREVER!r}]
programs = [Program(name, command, os.environ, lambda: True) for name in "ab"]
run(programs, lambda name, line: print(line, flush=True), lambda: None)"""
    with log.open("w") as out:
        everything = subprocess.Popen([sys.executable, "-c", code], stdout=out)
    _until(lambda: len(log.read_text("utf-8").splitlines()) == 4)
    everybody = psutil.Process(everything.pid).children(recursive=True)
    assert len(everybody) == 2 * 4
    everything.kill()
    everything.wait()
    _until(lambda: not any(_runs(each.pid) for each in everybody))


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
