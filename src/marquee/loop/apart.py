"""A command in a process group of its own, which ends with whoever began it, however that one ends.

The group's first process reads a pipe that only its beginner holds open: when that closes, even by `kill -9`, it ends
the whole group. So a flow that was killed leaves no stage behind that goes on writing.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread


def run_apart(command: Sequence[str], folder: Path, tell: Callable[[str], None]) -> int:
    """Its exit code; `tell` is given each line that it says, as it says it."""
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - a command of our own
        [sys.executable, "-m", __name__, *command],
        cwd=folder,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"},
        stdin=pipe,
        stdout=pipe,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip():
                    tell(line.rstrip())
            return process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _end_with_the_beginner() -> None:
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    Thread(target=_end_with_the_beginner, daemon=True).start()
    done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - as it was called
    os._exit(done.returncode % 256)
