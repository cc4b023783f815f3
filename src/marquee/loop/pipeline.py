"""The pipeline, one stage at a time: DVC says which stages there are, in what order, and which are up to date.

    for stage in stages():
        make(stage, print)        RAN or UP_TO_DATE; StageError if it failed

It is the pipeline of the folder that this runs in, as for `dvc` itself.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from marquee.apart import run_apart
from marquee.errors import BusyError, StageError

_LOCK = Path(".dvc/tmp/rwlock")
_SAID = 5  # last lines of a stage that failed, in its error


class Outcome(StrEnum):
    RAN = "ran"
    UP_TO_DATE = "up to date"


def stages() -> tuple[str, ...]:
    """Each after those that it needs."""
    import networkx as nx  # noqa: PLC0415 - with dvc, half a second
    from dvc.repo import Repo  # noqa: PLC0415

    with Repo() as repo:
        return tuple(stage.addressing for stage in nx.dfs_postorder_nodes(repo.index.graph))


def make(stage: str, tell: Callable[[str], None]) -> Outcome:
    """Runs that stage alone, if anything that it needs has changed."""
    if is_up_to_date(stage):
        return Outcome.UP_TO_DATE
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        tell(line)

    if run_apart(["dvc", "repro", "--single-item", stage], Path(), hear):
        told = "; ".join(said[-_SAID:])
        if "is being blocked by" in told or "Unable to acquire lock" in told:
            raise _busy(stage, told)
        raise StageError(f"stage {stage}: {told}; `dvc repro {stage}` runs it by hand")
    return Outcome.RAN


def push(tell: Callable[[str], None]) -> bool:
    """Whether there is a remote; what was made is in it then, for whoever wants the same model again."""
    from dvc.repo import Repo  # noqa: PLC0415 - half a second

    with Repo() as repo:
        if not repo.config["core"].get("remote"):
            return False
    said: list[str] = []
    if run_apart(["dvc", "push"], Path(), said.append):
        raise StageError(f"push: {'; '.join(said[-_SAID:])}; `dvc push` does it by hand")
    tell("; ".join(said[-1:]))
    return True


def is_up_to_date(stage: str) -> bool:
    from dvc.lock import LockError  # noqa: PLC0415 - half a second
    from dvc.repo import Repo  # noqa: PLC0415

    try:
        with Repo() as repo:
            return not repo.status(targets=[stage])
    except LockError as error:
        raise _busy(stage, str(error)) from error


def _busy(stage: str, told: str) -> BusyError:
    said = " ".join(told.split())
    return BusyError(f"stage {stage}: another program uses the pipeline ({said}); try again when it is done")


def clear_the_way() -> None:
    """Removes the lock of a DVC that was killed: a new program may have got its number since.

    Only who knows that no other pipeline runs may do this.
    """
    with suppress(OSError, ValueError):
        if not any(_runs(pid) for pid in _pids(json.loads(_LOCK.read_text("utf-8")))):
            _LOCK.unlink()


def _pids(told: object) -> set[int]:
    if isinstance(told, dict):
        own = {told["pid"]} if isinstance(told.get("pid"), int) else set()
        return own.union(*map(_pids, told.values()))
    return set().union(*map(_pids, told)) if isinstance(told, list) else set()


def _runs(pid: int) -> bool:
    """Whether a DVC has that number; another program that has it now knows nothing of the lock."""
    try:
        return b"dvc" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
