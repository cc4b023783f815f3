"""Floors: about how many seconds each stage takes at the least on this machine, whatever is done beside something else.

The longest of three: bytes over the disk's speed, bytes over the memory's, and products of matrices over the
processors'. Of what goes through memory (or, part of it, no further than a cache) only that is counted which nobody can
do without: tables as they lie there, a score of each source and title for who is asked about, the bins of each row for
each level of a tree, the factors of each rating.
"""

import json
import timeit
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from marquee.params import Params, read_params

FITS_A_PAST = 4  # one retriever for each of three lessons, one that knows all of it
PASTS = 2  # by_time, which live shares, and everything
_FILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "titles": ("demo/movie_titles.csv", "demo/netflix_titles.csv", "tables/titles.parquet"),
        "ratings": ("demo/combined_data_*.txt", "tables/ratings.parquet"),
        "interactions": ("tables/ratings.parquet", "tables/interactions.parquet"),
        "split": ("tables/interactions.parquet", "cuts/*/*.parquet"),
        "retrieve": ("cuts/*/train.parquet", "tables/interactions.parquet", "retrieved/*/*/*"),
        "rank": ("retrieved/*/rows/*", "ranked/*/*"),
        "stars": ("tables/interactions.parquet", "stars/*/*"),
        "evaluate": ("retrieved/*/*/*", "cuts/live/*"),
        "recommender": ("retrieved/everything/*/*", "stars/*/*", "model/*/*"),
    }
)
_RATING, _INTERACTION, _FLOAT = 18, 35, 4  # bytes in memory
_TRIES = 5


@dataclass(frozen=True)
class Machine:
    """What this one can do at best."""

    disk: float  # bytes a second, written and read again
    memory: float  # bytes a second, read and written, by the two processors
    flops: float  # of a product of matrices, on the two processors

    @classmethod
    def measured(cls, folder: Path) -> "Machine":
        block, path = np.random.default_rng(0).bytes(1 << 28), folder / "disk"
        disk = (2 << 28) / _seconds(lambda: (path.write_bytes(block), path.read_bytes()))
        path.unlink()
        pairs = [(np.ones(1 << 26, np.float32), np.ones(1 << 26, np.float32)) for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            memory = 4 * pairs[0][0].nbytes / _seconds(lambda: list(pool.map(lambda pair: np.copyto(*pair), pairs)))
        square = np.random.default_rng(0).random((3_000, 3_000), np.float32)
        return cls(disk, memory, 2 * 2 * len(square) ** 3 / _seconds(lambda: square @ square))

    def __str__(self) -> str:
        gigabytes = f"disk {self.disk / 1e9:.1f} GB/s, memory {self.memory / 1e9:.1f} GB/s"
        return f"{gigabytes}, matrices {self.flops / 1e9:.0f} Gflop/s on two processors"


def _seconds(work: Callable[[], object]) -> float:
    """The best of a few: a floor is what it can do when nobody disturbs it."""
    return min(timeit.repeat(work, number=1, repeat=_TRIES))


@dataclass(frozen=True)
class Done:
    """What a project's stages read, wrote and had to work out."""

    data: Path
    params: Params

    @classmethod
    def of(cls, folder: Path) -> "Done":
        return cls(folder / "data", read_params(folder / "params.yaml"))

    def floor(self, stage: str, machine: Machine) -> float:
        """Seconds."""
        files = (path for pattern in _FILES[stage] for path in self.data.glob(pattern) if path.is_file())
        on_disk = sum(path.stat().st_size for path in files)
        through_memory: Mapping[str, Callable[[], float]] = {
            "ratings": lambda: self._text + 2 * _RATING * self._ratings,
            "interactions": lambda: (_RATING + _INTERACTION) * self._ratings,
            "split": lambda: 2 * _INTERACTION * self._rows("cuts/*/*.parquet"),
            "retrieve": lambda: self._scores * self._sum_of("retrieve", "requests"),
            "rank": self._bins,
            "stars": self._factors,
            "evaluate": lambda: 2 * self._scores * self._asked,  # of the hybrid, and of each source alone
        }
        bytes_, flops = through_memory.get(stage, float)(), self._squares if stage == "retrieve" else 0.0
        return max(on_disk / machine.disk, bytes_ / machine.memory, flops / machine.flops)

    @property
    def _text(self) -> int:
        return sum(path.stat().st_size for path in self.data.glob("demo/combined_data_*.txt"))

    @cached_property
    def _ratings(self) -> int:
        return self._rows("tables/ratings.parquet")

    @property
    def _asked(self) -> int:
        tests = (pl.scan_parquet(path) for path in self.data.glob("cuts/*/test.parquet"))
        return sum(test.select(pl.col("user_id").n_unique()).collect().item() for test in tests)

    @property
    def _scores(self) -> float:
        """Bytes of all scores for one who asks, written and read again."""
        sources = len(self._metrics("evaluate")["live"]["ndcg@10 of sources"])
        return 2.0 * _FLOAT * sources * self._rows("tables/titles.parquet")

    def _bins(self) -> float:
        """A byte for each row and feature that is drawn, in each level of each tree."""
        ranker = self.params.ranker
        levels = len(ranker.objectives) * ranker.rounds * float(np.log2(ranker.leaves))
        features = float(self._metrics("rank")["everything"]["features"]) * ranker.feature_share
        return self._sum_of("retrieve", "rows") * ranker.row_share * features * levels

    def _factors(self) -> float:
        """A title's or a viewer's for each rating that is learnt from, both in turn; of each model that is fitted."""
        tastes, fits = self.params.stars.tastes, 2 + self.params.evaluate.folds
        viewers = pl.scan_parquet(self.data / "tables" / "ratings.parquet").select(pl.col("user_id").n_unique())
        learnt = self._ratings * min(self.params.viewers / viewers.collect().item(), 1)
        return float(fits * 2 * tastes.iterations * learnt * _FLOAT * tastes.factors)

    @property
    def _squares(self) -> float:
        titles = np.load(self.data / "retrieved" / "everything" / "autoencoder" / "supported.npy")
        # A third of a cube to factor; two thirds more for the inverse of the one, two for the solution of the other.
        return FITS_A_PAST * PASTS * (1 + 7 / 3) * float(len(titles)) ** 3

    def _rows(self, pattern: str) -> int:
        return sum(pl.scan_parquet(path).select(pl.len()).collect().item() for path in self.data.glob(pattern))

    def _sum_of(self, stage: str, count: str) -> float:
        return float(sum(of[count] for of in self._metrics(stage).values() if isinstance(of, dict)))

    def _metrics(self, stage: str) -> Mapping[str, Any]:
        told: Mapping[str, Any] = json.loads((self.data / "metrics" / f"{stage}.json").read_text("utf-8"))
        return told
