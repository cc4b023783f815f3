"""Commands apart: what is said is heard as it is said, and nobody outlives who began it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from marquee.alone import alone
from marquee.apart import run_apart

SLEEPER = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(300)'])"


def test_it_tells_every_line_and_how_it_ended(tmp_path: Path) -> None:
    said: list[str] = []
    code = "import os, sys; print('one'); print(os.getcwd()); print('two', file=sys.stderr); sys.exit(3)"
    assert run_apart([sys.executable, "-u", "-c", code], tmp_path, said.append) == 3
    assert said == ["one", str(tmp_path), "two"]


def test_whoever_is_interrupted_leaves_nobody_behind(tmp_path: Path) -> None:
    def hear(line: str) -> None:
        raise KeyboardInterrupt(line)

    code = f"print('begun', flush=True); {SLEEPER}"
    with pytest.raises(KeyboardInterrupt, match="begun"):
        run_apart([sys.executable, "-c", code], tmp_path, hear)
    until_nobody_works_in(tmp_path)


def test_whoever_is_killed_leaves_nobody_behind(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from marquee.apart import run_apart; "
    code += f"run_apart([sys.executable, '-c', {SLEEPER!r}], Path(sys.argv[1]), print)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as beginner:
        ends_at = time.monotonic() + 30
        while len(workers_in(tmp_path)) < 3:
            assert time.monotonic() < ends_at
            time.sleep(0.05)
        beginner.send_signal(signal.SIGKILL)
    until_nobody_works_in(tmp_path)


def test_only_one_is_alone_and_whoever_is_killed_gives_it_back(tmp_path: Path) -> None:
    lock = tmp_path / "state" / "a.lock"
    code = "import sys, time; from pathlib import Path; from marquee.alone import alone\n"
    code += "with alone(Path(sys.argv[1])) as is_alone: print(is_alone, flush=True); time.sleep(300)"
    with subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        with alone(lock) as is_alone:
            assert not is_alone
        other.kill()
    with alone(lock) as is_alone:
        assert is_alone


def workers_in(folder: Path) -> list[int]:
    found = []
    for program in Path("/proc").glob("[0-9]*"):
        try:
            if (program / "cwd").readlink() == folder and (program / "cmdline").read_bytes():
                found.append(int(program.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def until_nobody_works_in(folder: Path) -> None:
    ends_at = time.monotonic() + 30
    while workers_in(folder):
        assert time.monotonic() < ends_at
        time.sleep(0.05)
