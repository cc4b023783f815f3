"""Pairs: how many viewers wanted both of two titles. Counted once, for the two sources that are made of it.

Titles that too few have watched are left out: of them next to nothing is known but who watched them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import narrow
from marquee.model.sources.adding import Places, sums_of
from marquee.params import AutoencoderParams


@dataclass(frozen=True, eq=False)
class Pairs:
    together: Floats  # supported x supported titles; in the diagonal, how many wanted each
    supported: Places
    titles: int


def pairs_of(histories: Histories, titles: int, params: AutoencoderParams) -> Pairs:
    supported = supported_titles(np.bincount(histories.title, minlength=titles), params.support, params.most)
    together = watched_together(wanted_by(histories, titles)[:, supported])
    return Pairs(together(0, len(supported)), supported, titles)


def wanted_by(histories: Histories, titles: int) -> sp.csr_array:
    """Viewers x titles: 1 where the viewer wanted the title."""
    wanted = histories.where(histories.strength > 0)
    return wanted.matrix(np.ones(len(wanted.title), np.float32), titles)


def watched_together(wanted: sp.csr_array) -> Callable[[int, int], Floats]:
    """From one title to before another: how many viewers wanted each of them and every other one."""
    by_title = sp.csr_array(wanted.T)
    return lambda first, end: sums_of(wanted, by_title.indptr[first : end + 1], by_title.indices, by_title.data)


def supported_titles(rows: Ints, support: int, most: int) -> Places:
    """Those with so many rows; of more than `most` such titles, those with the most rows."""
    chosen = np.argsort(-rows, kind="stable")[:most]
    return np.sort(chosen[rows[chosen] >= support]).astype(np.int32)


def among_all(square: sp.csr_array, supported: NDArray[np.int32], titles: int) -> sp.csr_array:
    """The square of some titles as one of all titles."""
    counts = np.zeros(titles, np.int64)
    counts[supported] = np.diff(square.indptr)
    parts = (square.data, supported[square.indices], np.concatenate([[0], np.cumsum(counts)]))
    return narrow(sp.csr_array(parts, shape=(titles, titles)))
