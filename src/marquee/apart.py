"""A command apart, which ends with whoever began it, however that one ends.

Between the two stands a process of ours, the first of a group of its own. It hands signals on, and reads a pipe that
only the beginner holds open: when that closes, even by `kill -9`, it ends the command, the group, and all that either
began. So what was killed leaves nobody behind who goes on writing.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from types import FrameType
from typing import Any

_ENDING = Lock()


def apart(command: Sequence[str]) -> dict[str, Any]:
    """What `Popen` is told; the pipe is its `stdin`, its `stdout` is what the command says."""
    pipe = subprocess.PIPE
    words = [sys.executable, "-m", __name__, *command]
    return {"args": words, "stdin": pipe, "stdout": pipe, "stderr": subprocess.STDOUT, "start_new_session": True}


def run_apart(
    command: Sequence[str], folder: Path, tell: Callable[[str], None], more: Mapping[str, str] | None = None
) -> int:
    """Its exit code; `tell` is given each line that it says, as it says it; `more` is added to its environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | {"PATH": path, **(more or {})}
    with subprocess.Popen(cwd=folder, env=environment, text=True, errors="replace", **apart(command)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                tell(line.rstrip())
        return process.wait()


def _stand_between(command: Sequence[str]) -> int:
    begun: list[subprocess.Popen[bytes]] = []

    def hand_on(number: int, _: FrameType | None) -> None:
        if not begun:
            os._exit(128 + number)
        begun[0].send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, hand_on)
    begun.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))  # noqa: S603 - as it was called
    Thread(target=_end_with_the_beginner, daemon=True).start()
    code = begun[0].wait()
    with _ENDING:  # who ends everybody is not interrupted at it
        return code


def _end_with_the_beginner() -> None:
    os.read(0, 1)
    with _ENDING:
        import psutil  # noqa: PLC0415 - none but the last moment needs it

        for each in psutil.Process().children(recursive=True):  # also who has left the group
            with suppress(psutil.NoSuchProcess):
                each.kill()
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    code = _stand_between(sys.argv[1:])
    os._exit(code % 256 if code >= 0 else 128 - code)
