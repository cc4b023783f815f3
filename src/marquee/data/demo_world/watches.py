"""Watches: who watched what, when, and how well they liked it, in 64 bits each, so that 100 million fit in memory.

Sorted as numbers they are sorted by title, then by viewer. From the top: 16 bits of title, 24 of viewer, 12 of day,
10 of liking, 2 of fate.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from marquee.data.demo_world.tastes import Doubles, Ints

LIKINGS = 1024  # a liking below 5 is the number of stars less one; others become stars when all of them are known
_STARS = 5
_LOWEST, _HIGHEST = -4.5, 4.5
# The Prize's shares of one star, one or two, and so on.
_CUMULATED_SHARES = (0.046, 0.147, 0.434, 0.770)

Packed = NDArray[np.uint64]


class Fate(IntEnum):
    TRAINING = 0
    PROBE = 1  # in the training files, and listed in probe.txt
    WITHHELD = 2  # listed in qualifying.txt, its stars are kept apart


@dataclass(frozen=True)
class Watches:
    packed: Packed

    @classmethod
    def of(cls, title: Ints, viewer: Ints, day: Ints, liking: Ints, fate: Ints) -> "Watches":
        return cls(((title << 48) | (viewer << 24) | (day << 12) | (liking << 2) | fate).astype(np.uint64))

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, rows: slice | NDArray[np.bool_]) -> "Watches":
        return Watches(self.packed[rows])

    @property
    def title(self) -> Ints:
        return self._field(48, 16)

    @property
    def viewer(self) -> Ints:
        return self._field(24, 24)

    @property
    def day(self) -> Ints:
        return self._field(12, 12)

    @property
    def liking(self) -> Ints:
        return self._field(2, 10)

    @property
    def fate(self) -> Ints:
        return self._field(0, 2)

    def _field(self, shift: int, bits: int) -> Ints:
        return ((self.packed >> np.uint64(shift)) & np.uint64(2**bits - 1)).astype(np.int64)

    def with_fate(self, fate: Fate) -> "Watches":
        return self[(self.packed & np.uint64(3)) == fate]

    def of_title(self, place: int) -> "Watches":
        """Those of one title; only of sorted watches."""
        ends = np.searchsorted(self.packed, np.array([place << 48, (place + 1) << 48], dtype=np.uint64))
        return self[slice(*ends.tolist())]


def coded_likings(likings: Doubles) -> Ints:
    """Likings, in stars above the mean, as numbers below LIKINGS that leave the first ones free."""
    shares = (likings - _LOWEST) / (_HIGHEST - _LOWEST)
    return _STARS + np.clip(shares * (LIKINGS - _STARS), 0, LIKINGS - _STARS - 1).astype(np.int64)


def stars_by_liking(counts: Ints) -> Ints:
    """The stars of each coded liking, from how often each occurs: cut so that the stars' shares are the Prize's."""
    stars = np.arange(LIKINGS) + 1
    tallied = np.cumsum(counts[_STARS:])
    stars[_STARS:] = 1 + np.searchsorted(_CUMULATED_SHARES, (tallied - counts[_STARS:] / 2) / tallied[-1])
    return stars
