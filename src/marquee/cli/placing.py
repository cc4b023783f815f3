"""Where a command may read and write, asked before it works: nothing that is read is overwritten, nor a model."""

import os
from collections.abc import Sequence
from pathlib import Path

from marquee.errors import ModelError, SourceError
from marquee.places import why_not


def check_file(path: Path) -> None:
    """Refuses a folder: what a model was trained on is known by the hash of a file."""
    if path.is_dir():
        raise SourceError(f"{path}: a folder, not a table; name a file")


def check_out(to: Path, model: Path, read: Sequence[Path | None]) -> None:
    """Refuses a file that cannot be written, one that is read, and one inside the model."""
    _check_apart(to, model)
    if to.is_dir():
        raise ModelError(f"{to}: a folder; name a file")
    if to.exists():
        if same := [path for path in read if path and path.exists() and path.samefile(to)]:
            raise ModelError(f"{to}: it is read as {same[0]}, and would be overwritten; name another file")
        reason = "" if os.access(to, os.W_OK) else "it is not yours to write"
    else:
        reason = why_not(to.resolve().parent)
    if reason:
        raise ModelError(f"{to}: it cannot be written ({reason}); name another file")


def check_out_folder(to: Path, model: Path) -> None:
    """The same of a folder whose every file is replaced."""
    _check_apart(to, model)
    if to.resolve() in model.resolve().parents:
        raise ModelError(f"{to}: the model {model} lies in it, and would be lost; name another folder")
    if reason := why_not(to.resolve()):
        raise ModelError(f"{to}: it cannot be written ({reason}); name another folder")


def _check_apart(to: Path, model: Path) -> None:
    if model.resolve() in (to.resolve(), *to.resolve().parents):
        raise ModelError(f"{to}: it lies in the model {model}, which holds nothing else; name another place")
