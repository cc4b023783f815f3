"""Misspelt names: those that share rare runs of letters with a wanted one, found through an index of the runs.

A slip of the pen spoils the few runs it stands in; the others still lead to the name. Years bound the search.
"""

from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

_RUN = 4  # letters in a run
_ALPHABET = 40  # bytes fold into so many letters; letters that share a number only add candidates
_RAREST = 8  # runs looked up for each wanted name
_SHARED = 2  # runs that a candidate must share
_COMMON = 30_000  # a run in more names than these tells nothing
_PAIRS = 4_000_000  # looked at in one go: bounds the memory
_NO_YEAR = -10_000

Numbers = NDArray[np.signedinteger]


class NearNames:
    """Forms of names, found by others that are spelt nearly like them in nearly the same year."""

    def __init__(self, found: pl.DataFrame) -> None:
        self._forms = found
        self._years = _years(found)
        runs, holders = _runs(found["core"])
        self._holders = holders[pl.Series(runs).arg_sort().to_numpy()]  # of the first run, then of the second, …
        self._counts = np.bincount(runs, minlength=_ALPHABET**_RUN)
        self._starts = np.cumsum(self._counts) - self._counts

    def pairs(self, sought: pl.DataFrame) -> pl.DataFrame:
        """Each sought form beside each that may be meant (columns `_found`), and the edits between their cores."""
        wanted, found = self._candidates(sought)
        names = self._forms[found].rename(lambda column: f"{column}_found")
        pairs = pl.concat([sought[wanted], names], how="horizontal")
        edits = cpdist(pairs["core"].to_list(), pairs["core_found"].to_list(), scorer=OSA.distance, workers=-1)
        return pairs.with_columns(pl.Series("edits", edits, dtype=pl.Int64))

    def _candidates(self, sought: pl.DataFrame) -> tuple[Numbers, Numbers]:
        years = _years(sought)
        any_year = (sought["kind"] == "series").fill_null(value=False).to_numpy()
        looked_up, owners = self._rarest(sought["core"])
        found = [np.zeros(0, np.int64)]
        for part in _parts(owners, self._counts[looked_up]):
            counts = self._counts[looked_up[part]]
            wanted = np.repeat(owners[part], counts)
            names = self._holders[np.repeat(self._starts[looked_up[part]], counts) + _count_up(counts)]
            apart = np.abs(years[wanted] - self._years[names])
            likely = (apart <= 1) | (apart > -_NO_YEAR // 2) | any_year[wanted]
            both, shared = np.unique(
                wanted[likely].astype(np.int64) * len(self._years) + names[likely], return_counts=True
            )
            found.append(both[shared >= _SHARED])
        pairs = np.concatenate(found)
        return pairs // len(self._years), pairs % len(self._years)

    def _rarest(self, cores: pl.Series) -> tuple[Numbers, Numbers]:
        """The few rarest runs of each name that some name has, and whose they are."""
        runs, owners = _runs(cores)
        counts = self._counts[runs]
        telling = (counts > 0) & (counts <= _COMMON)
        runs, owners, counts = runs[telling], owners[telling], counts[telling]
        order = np.lexsort((counts, owners))
        runs, owners = runs[order], owners[order]
        rarest = np.arange(len(owners)) - np.searchsorted(owners, owners) < _RAREST
        return runs[rarest], owners[rarest]


def _years(forms: pl.DataFrame) -> Numbers:
    return forms["year"].cast(pl.Int64).fill_null(_NO_YEAR).to_numpy()


def _parts(owners: Numbers, counts: Numbers) -> list[slice]:
    """Slices of whole owners with about _PAIRS pairs each."""
    if not len(owners):
        return []
    of_owner = (np.cumsum(counts) // _PAIRS)[np.searchsorted(owners, owners)]
    cuts = [*np.flatnonzero(np.diff(of_owner, prepend=-1)), len(owners)]
    return [slice(start, end) for start, end in pairwise(cuts)]


def _count_up(counts: Numbers) -> Numbers:
    """0, 1, 2 … for each count: [2, 3] gives 0 1 0 1 2."""
    ends = np.cumsum(counts)
    return np.arange(counts.sum()) - np.repeat(ends - counts, counts)


def _runs(cores: pl.Series) -> tuple[Numbers, Numbers]:
    """Every run of letters as a number, and the place of the name it stands in."""
    padded = cores.to_frame("core").select(pl.lit("^") + pl.col("core") + "$").to_series()
    lengths = padded.str.len_bytes().to_numpy().astype(np.int64)
    counts = np.maximum(lengths - _RUN + 1, 0)
    owners = np.repeat(np.arange(len(lengths), dtype=np.int32), counts)
    starts = np.repeat(np.cumsum(lengths) - lengths, counts) + _count_up(counts)
    letters = np.frombuffer("".join(padded.to_list()).encode(), dtype=np.uint8).astype(np.int32) % _ALPHABET
    runs = np.zeros(len(starts), dtype=np.int32)
    for step in range(_RUN):
        runs = runs * _ALPHABET + letters[starts + step]
    return runs, owners
