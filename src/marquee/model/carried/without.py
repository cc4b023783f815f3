"""Without: one viewer's history several times, each time without one of its rows."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marquee.model.histories import Floats, Histories, Ints, Mask


class Without:
    """Deeds as Histories have them, but times x rows of the whole history. What is left out was not wanted, and had
    the viewer's mean of stars: it counts nothing."""

    def __init__(self, history: Histories, rows: Ints) -> None:
        self.rows, self.title = rows, history.title
        self._history = history

    @cached_property
    def strength(self) -> Floats:
        return np.where(self._left_out, np.float32(0), self._history.strength)

    @cached_property
    def from_end(self) -> Ints:
        from_end: Ints = self._history.from_end - self._before
        return from_end

    @cached_property
    def wanted_after(self) -> Ints:
        wanted: Mask = self._history.strength[self.rows] > 0
        after: Ints = self._history.wanted_after - (self._before & wanted[:, None])
        return after

    @cached_property
    def above_mean(self) -> Floats:
        """Without a row above the mean all others stand higher."""
        above, rated = self._history.above_mean, ~np.isnan(self._history.rating)
        higher = above[self.rows] / np.float32(max(int(rated.sum()) - 1, 1))
        return np.where(self._left_out, np.float32(0), above + higher[:, None] * rated)

    def total(self, values: NDArray[Any]) -> NDArray[Any]:
        total: NDArray[Any] = values.sum(axis=1, keepdims=True)
        return total

    @cached_property
    def _before(self) -> Mask:
        """The rows before the one that is left out."""
        before: Mask = np.arange(len(self.title)) < self.rows[:, None]
        return before

    @cached_property
    def _left_out(self) -> Mask:
        left_out: Mask = np.arange(len(self.title)) == self.rows[:, None]
        return left_out
