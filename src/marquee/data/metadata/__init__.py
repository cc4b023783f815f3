"""What other catalogues know of titles, from whichever of their files lie in a folder.

Another catalogue is one file here that answers Metadata, and one line in SOURCES, which stand in the order of trust.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from marquee.data.metadata import imdb, netflix, tmdb
from marquee.data.metadata.table import DETAILS, KNOWN, NAMES, Metadata
from marquee.data.rejects import Rejects
from marquee.errors import SourceError

__all__ = ["DETAILS", "KNOWN", "NAMES", "SOURCES", "Metadata", "read_metadata"]

SOURCES: tuple[Callable[[Path, Rejects], Metadata | None], ...] = (
    netflix.read,
    partial(tmdb.read, tmdb.FIVE_THOUSAND),
    partial(tmdb.read, tmdb.ALL),
    imdb.read,
)


def read_metadata(folder: Path, rejects: Rejects) -> list[Metadata]:
    """Every catalogue that is there, the most trusted first."""
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder; name one with metadata in params.yaml, catalogue.metadata")
    return [known for read in SOURCES if (known := read(folder, rejects)) is not None]
