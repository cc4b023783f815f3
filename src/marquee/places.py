"""Places: whether something can be written where somebody says, asked before the work that it is to hold."""

import os
from pathlib import Path
from tempfile import TemporaryFile


def why_not(folder: Path) -> str:
    """Why nothing can be written in that folder, which may be yet to be made; empty if it can."""
    try:
        there = next(each for each in (folder, *folder.parents) if each.exists())
        with TemporaryFile(dir=there):
            return ""
    except OSError as error:
        return os.strerror(error.errno or 0)
