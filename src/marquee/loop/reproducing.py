"""Reproducing: a version made again from what is kept of it, in a folder of its own, and held against the original.

The code comes from the version's git revision, the params and dvc.lock from the registry, the tables from DVC's cache
or remote; the events that were in them are taken from the store once more, up to the version's position. Then every
stage between the tables and the model is run, as that dvc.lock says it was.
"""

import json
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

import yaml

from marquee import registry
from marquee.apart import run_apart
from marquee.data.events import EventStore
from marquee.errors import LoopError, StageError, StoreError
from marquee.loop.origin import UNKNOWN
from marquee.model.folder import sha256_of

_MODEL, _TABLES = "data/model", "data/tables/"
_SAID = 5  # last lines of a stage that failed, in its error

Tell = Callable[[str], None]
Lock = Mapping[str, Mapping[str, Any]]  # stages of a dvc.lock, by name


@dataclass(frozen=True)
class Reproduced:
    fingerprint: str  # of the original
    folder: Path  # of the model that was made again
    differ: tuple[str, ...]  # files, see `differences`

    @property
    def is_equal(self) -> bool:
        return not self.differ


def reproduce(url: str, version: str, into: Path, store: EventStore, tell: Tell) -> Reproduced:
    """`into` is made for it; StageError where a stage fails, LoopError where something of the version is not kept."""
    original, lock_of, params_of = (registry.kept(url, version, name) for name in ("model", "lock", "params"))
    if original is None or lock_of is None or params_of is None:
        raise LoopError(
            f"version {version}: how it was made is not kept; `marquee models` lists what retrain registered"
        )
    (found,) = (each for each in registry.versions(url) if each.name == version)
    _check_out(found.tags.get("git revision", UNKNOWN), version, into)
    copyfile(lock_of / "dvc.lock", into / "dvc.lock")
    copyfile(params_of / "params.yaml", into / "params.yaml")
    lock: Lock = yaml.safe_load((into / "dvc.lock").read_text("utf-8"))["stages"]
    _take_events(store, int(found.tags["event position"]), into, tell)
    kept, made = _kept_and_made(lock)
    _take_outs(kept, into, tell)
    _tell_of_changes(made, into, tell)
    for stage in made:
        _run(stage, lock[stage]["cmd"], into, tell)
    return Reproduced(found.fingerprint, into / _MODEL, tuple(differences(original, into / _MODEL)))


def _check_out(revision: str, version: str, into: Path) -> None:
    """A clone of this project as it was."""
    if revision == UNKNOWN:
        raise LoopError(f"version {version}: its code is not known, for it was made outside of git")
    if into.exists():
        raise LoopError(f"{into}: is there already; remove it, or name another folder with --into")
    into.parent.mkdir(parents=True, exist_ok=True)
    _git("clone", "--quiet", "--no-checkout", ".", str(into))
    _git("-C", str(into), "checkout", "--quiet", "--detach", revision)


def _git(*words: str) -> None:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        raise LoopError(f"git {' '.join(words)}: {' '.join(done.stderr.split())}")


def _take_events(store: EventStore, position: int, into: Path, tell: Tell) -> None:
    """For whoever looks; the tables hold what was made of them, also of viewers who were forgotten since."""
    try:
        store.snapshot(into / "data" / "snapshot", position)
    except StoreError as error:
        tell(f"events up to position {position:,} are in the tables alone: {error}")
    else:
        tell(f"events up to position {position:,}")


def _kept_and_made(lock: Lock) -> tuple[Sequence[str], Sequence[str]]:
    """The stages whose outs are taken as they were, and those that make the model of the tables, in their order."""
    makers = {out["path"]: name for name, stage in lock.items() for out in stage.get("outs", ())}
    if _MODEL not in makers:
        raise LoopError(f"its dvc.lock knows no stage that makes {_MODEL}")
    order = list(_with_needed(makers[_MODEL], lock, makers))
    tables = [name for name in order if any(out["path"].startswith(_TABLES) for out in lock[name]["outs"])]
    kept = {needed for name in tables for needed in _with_needed(name, lock, makers)}
    return sorted(kept), [name for name in order if name not in kept]


def _with_needed(name: str, lock: Lock, makers: Mapping[str, str]) -> Iterator[str]:
    """Every stage that it needs, once, each after those that that one needs; then itself."""
    found: dict[str, None] = {}
    for dep in lock[name].get("deps", ()):
        if dep["path"] in makers:
            found |= dict.fromkeys(_with_needed(makers[dep["path"]], lock, makers))
    yield from [*found, name]


def _take_outs(stages: Sequence[str], into: Path, tell: Tell) -> None:
    """From this project's cache, and from its remote what is not there any more."""
    if _share_cache(into):
        _dvc(into, tell, "fetch", *stages)
    _dvc(into, tell, "checkout", *stages)


def _share_cache(into: Path) -> bool:
    """Whether there is a remote."""
    from dvc.repo import Repo  # noqa: PLC0415 - half a second

    with Repo() as own, Repo(str(into)) as clone, clone.config.edit("local") as config:
        config["cache"]["dir"] = own.cache.local_cache_dir
        config["remote"] = {
            name: {**remote, "url": str(remote["url"])} for name, remote in own.config["remote"].items()
        }
        if remote := own.config["core"].get("remote"):
            config["core"]["remote"] = remote
        return remote is not None


def _dvc(into: Path, tell: Tell, *words: str) -> None:
    _run_in(into, ["dvc", *words], f"dvc {words[0]}", tell)


def _tell_of_changes(stages: Sequence[str], into: Path, tell: Tell) -> None:
    """Code that was changed beyond its revision when the version was made is another now."""
    said: list[str] = []
    _dvc(into, said.append, "status", "--json", *stages)
    told = json.loads(said[-1])
    changes = [each["changed deps"] for of in told.values() for each in of if "changed deps" in each]
    for path in sorted({path for each in changes for path, how in each.items() if how == "modified"}):
        tell(f"{path} is not what it was when the version was made")


def _run(stage: str, command: str, into: Path, tell: Tell) -> None:
    tell(f"{stage}: {command}")
    _run_in(into, shlex.split(command), f"stage {stage}", tell)


def _run_in(into: Path, command: Sequence[str], name: str, tell: Tell) -> None:
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        tell(line)

    if run_apart(command, into, hear, {"PYTHONPATH": str((into / "src").resolve())}):
        raise StageError(f"{name} in {into}: {'; '.join(said[-_SAID:])}")


def differences(one: Path, other: Path) -> Iterator[str]:
    """Files of two folders that are not the same to the byte, or on one side alone."""
    sides = [{str(path.relative_to(side)) for path in side.rglob("*") if path.is_file()} for side in (one, other)]
    for name in sorted(sides[0] | sides[1]):
        if name not in sides[0] & sides[1] or sha256_of(one / name) != sha256_of(other / name):
            yield name
