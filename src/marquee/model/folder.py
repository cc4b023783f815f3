"""A model as one folder, complete and safe: arrays as npy, tables as Parquet, LightGBM and params as text, no pickle.

manifest.json names every file with its size and hash, the libraries, and what the model was trained on; its fingerprint
is of all that, and the same for the same model. `load_model` refuses a folder that is not exactly its manifest.
"""

import glob
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marquee.alone import alone
from marquee.errors import ModelError
from marquee.places import why_not

FORMAT = 2
_MANIFEST = "manifest.json"
_LOCK = "lock"
_WAY_OUT = "fit one with `marquee fit` or `make repro`, or take a whole copy"
_LIBRARIES = ("marquee", "numpy", "scipy", "polars", "implicit", "lightgbm")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_FILE = re.compile(rf"({_NAME.pattern}/)?{_NAME.pattern}\.(npy|parquet|txt|yaml)")

Arrays = Mapping[str, NDArray[Any]]
Read = TypeVar("Read")


@dataclass(frozen=True, eq=False)
class Contents:
    """What is in a model folder. Parts, arrays and tables are named without an ending, texts with theirs."""

    arrays: Mapping[str, Arrays]  # by part: als/title_factors.npy is arrays["als"]["title_factors"]
    texts: Mapping[str, str]  # by file name, ending in .txt or .yaml
    frames: Mapping[str, pl.DataFrame]
    facts: Mapping[str, Any]  # what it was trained on, and whatever else is worth knowing; must fit into JSON


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _File(_Strict):
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _Manifest(_Strict):
    format: int
    libraries: dict[str, str]
    facts: dict[str, Any]
    files: dict[str, _File]

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()


def save_model(folder: Path, contents: Contents) -> str:
    """Writes the folder as a whole, in place of an earlier model if there is one; its fingerprint."""
    check_place(folder)
    with _beside(folder.resolve()) as unfinished:
        _write(unfinished, contents)
        files = {
            name: _File(size=(unfinished / name).stat().st_size, sha256=sha256_of(unfinished / name))
            for name in sorted(_names(unfinished))
        }
        libraries = {name: version(name) for name in _LIBRARIES}
        manifest = _Manifest(format=FORMAT, libraries=libraries, facts=dict(contents.facts), files=files)
        told = {**manifest.model_dump(), "fingerprint": manifest.fingerprint}
        (unfinished / _MANIFEST).write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return manifest.fingerprint


def load_model(folder: Path) -> Contents:
    """What `save_model` was given, arrays memory-mapped and read-only; ModelError if a byte of it is another.

    A link to a folder is followed once: whoever moves it meanwhile mixes no two models.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder}: {'no folder' if folder.exists() else 'there is nothing'}, so no model; {_WAY_OUT}")
    folder = folder.resolve() if folder.is_symlink() else folder
    manifest = _manifest(folder)
    _compare(folder, manifest)
    names = sorted(manifest.files)
    arrays: dict[str, dict[str, NDArray[np.generic]]] = {}
    for name in (name for name in names if name.endswith(".npy")):
        part, _, key = name.removesuffix(".npy").partition("/")
        arrays.setdefault(part, {})[key] = _read(_array, folder / name)
    return Contents(
        arrays=arrays,
        texts={name: _read(_text, folder / name) for name in names if name.endswith((".txt", ".yaml"))},
        frames={
            name.removesuffix(".parquet"): _read(pl.read_parquet, folder / name)
            for name in names
            if name.endswith(".parquet")
        },
        facts=manifest.facts,
    )


def fingerprint_of(folder: Path) -> str:
    """That which `save_model` answered."""
    return _manifest(folder).fingerprint


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """An empty folder beside that one, which takes its place at the end unless something failed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        unfinished, replaced = Path(temporary) / "new", Path(temporary) / "old"
        unfinished.mkdir()
        with alone(Path(temporary) / _LOCK):
            yield unfinished
            try:
                if folder.exists():
                    folder.rename(replaced)
                unfinished.rename(folder)
            finally:
                if replaced.exists() and not folder.exists():  # something came in between
                    replaced.rename(folder)
    _sweep(folder)


def _sweep(folder: Path) -> None:
    """Removes what was left beside that folder by those who were killed while they wrote it."""
    for left in folder.parent.glob(f".{glob.escape(folder.name)}-*"):
        with suppress(OSError):  # it is somebody else's, or gone
            _sweep_away(left)


def _sweep_away(left: Path) -> None:
    lock = left / _LOCK
    # A number in it says that its writer had it; who could have it now says that the writer is gone.
    if left.is_symlink() or not lock.is_file() or not lock.stat().st_size:
        return
    if {each.name for each in left.iterdir()} <= {_LOCK, "new", "old"}:
        with alone(lock) as is_left:
            if is_left:
                shutil.rmtree(left)


def check_place(folder: Path) -> None:
    """Refuses to put a model where anything is that no manifest of ours names: it is somebody's work."""
    way_out = "name another folder, or remove it first"
    if folder.is_dir():
        ours = _of_a_model(folder)
        held = _names(folder) if ours else {each.name for each in folder.iterdir()}  # it may be a whole disk
        if unknown := held - ours:
            raise ModelError(f"{folder}: it holds {min(unknown)}, which is not of a model; {way_out}")
    elif folder.is_symlink() or folder.exists():
        raise ModelError(f"{folder}: it is no folder, so no model takes its place; {way_out}")
    if reason := why_not(folder.resolve().parent):
        raise ModelError(f"{folder}: no model can be written there ({reason}); name another folder")


def _of_a_model(folder: Path) -> set[str]:
    """The files that a manifest of whatever format names, and itself; none if there is none of ours."""
    try:
        told = json.loads((folder / _MANIFEST).read_bytes())
        return {_MANIFEST, *told["files"]} if {"format", "fingerprint"} <= told.keys() else set()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def _write(folder: Path, contents: Contents) -> None:
    for part, arrays in contents.arrays.items():
        for key, array in arrays.items():
            np.save(_room(folder, f"{part}/{key}.npy"), np.asarray(array, order="C"), allow_pickle=False)
    for name, frame in contents.frames.items():
        frame.write_parquet(_room(folder, f"{name}.parquet"))
    for name, text in contents.texts.items():
        _room(folder, name).write_text(text, "utf-8", newline="\n")


def _room(folder: Path, name: str) -> Path:
    if not _FILE.fullmatch(name):
        raise ModelError(f"{name}: no file of a model folder is called so; use letters, digits, _, - and .")
    (folder / name).parent.mkdir(exist_ok=True)
    return folder / name


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names(folder: Path) -> set[str]:
    """Everything below a folder, but folders that hold something: those are named by what they hold."""
    return {
        str(path.relative_to(folder).as_posix())
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir() or not any(path.iterdir())
    }


def _manifest(folder: Path) -> _Manifest:
    path = folder / _MANIFEST
    if not path.is_file() or path.is_symlink():
        raise ModelError(f"{folder}: no {_MANIFEST}, so no model; {_WAY_OUT}")
    try:
        told = json.loads(path.read_bytes())
        if told["format"] != FORMAT:
            raise ModelError(f"{folder}: a model of format {told['format']!r}, this is {FORMAT}; {_WAY_OUT}")
        fingerprint = told.pop("fingerprint")
        manifest = _Manifest.model_validate(told)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path}: damaged, or not a model's: {_short(error)}; {_WAY_OUT}") from None
    if manifest.fingerprint != fingerprint:
        raise ModelError(f"{path}: changed since it was saved, its fingerprint is another; {_WAY_OUT}")
    return manifest


def _short(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
    return f"{type(error).__name__} {error}"


def _compare(folder: Path, manifest: _Manifest) -> None:
    """The folder holds exactly the files of its manifest."""
    if strange := [name for name in manifest.files if not _FILE.fullmatch(name)]:
        raise ModelError(f"{folder}/{_MANIFEST}: it names {strange[0]!r}, no file of a model; {_WAY_OUT}")
    found = _names(folder) - {_MANIFEST}
    if links := [name for name in found if (folder / name).is_symlink()]:
        raise ModelError(f"{folder / min(links)}: a link, not a file or folder of the model's own; {_WAY_OUT}")
    if missing := manifest.files.keys() - found:
        raise ModelError(f"{folder}: {min(missing)} is missing; {_WAY_OUT}")
    if extra := found - manifest.files.keys():
        raise ModelError(f"{folder}: {min(extra)} is not of the model; remove it if you put it there, else {_WAY_OUT}")
    for name, told in manifest.files.items():
        _compare_file(folder / name, told)


def _compare_file(path: Path, told: _File) -> None:
    if not path.is_file():
        raise ModelError(f"{path}: not a file; {_WAY_OUT}")
    if (size := path.stat().st_size) != told.size:
        raise ModelError(f"{path}: {size:,} bytes, the manifest says {told.size:,}; {_WAY_OUT}")
    if sha256_of(path) != told.sha256:
        raise ModelError(f"{path}: its bytes changed since it was saved; {_WAY_OUT}")


def _read(reader: Callable[[Path], Read], path: Path) -> Read:
    try:
        return reader(path)
    except (ValueError, pl.exceptions.PolarsError) as error:
        raise ModelError(f"{path}: not what a model holds: {error}; {_WAY_OUT}") from None


def _array(path: Path) -> NDArray[np.generic]:
    """Maps npy alone: neither pickled objects nor an archive. As a plain array: its parts are made ten times sooner."""
    return np.asarray(np.lib.format.open_memmap(path, mode="r"))


def _text(path: Path) -> str:
    return path.read_text("utf-8")
