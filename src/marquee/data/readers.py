"""The table of readers: what can be read, by the name it has in params.yaml. Another data set is one line here."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import polars as pl

from marquee.data import movielens, netflix_prize, own
from marquee.data.rejects import Rejects


class Reader(Protocol):
    """A module that reads one form of data; what it cannot take goes to the rejects."""

    def titles(self, path: Path, rejects: Rejects) -> pl.DataFrame:
        """The TITLES table."""

    def ratings(self, path: Path, rejects: Rejects) -> Iterator[pl.DataFrame]:
        """Chunks of user_id, title_id, rating, rated_at, each row with its file and line."""


READERS: Mapping[str, Reader] = {
    "netflix_prize": netflix_prize,
    "movielens": movielens,
    "own": own,
}
