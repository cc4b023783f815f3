"""Around: viewers alike. Who is asked follows from all rows; what they watched around each of them adds up."""

import numpy as np

from marquee.model.carried.without import Without
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources.neighbours import ViewerNeighbours


class Around:
    def __init__(self, source: ViewerNeighbours, history: Histories, title: Ints) -> None:
        values = source.values(history)
        counting = np.flatnonzero(values)
        self._number = np.full(len(values) + 1, -1)  # of each row among those that count
        self._number[counting] = np.arange(len(counting))
        column = np.full(source.titles, -1, np.int32)
        column[title] = np.arange(len(title))
        self._around = np.zeros((len(counting) + 1, len(title)), np.float32)  # and, last, of one that does not count
        source.add_around(source.meetings(history), self._number, column, self._around)

    def carried(self, place: Ints) -> Floats:
        carried: Floats = self._around[self._number[:-1]][:, place]
        return carried

    def lost(self, without: Without) -> Floats:
        """The same are asked when a row is left out: who they are follows from all rows."""
        lost: Floats = self._around[self._number[without.rows]]
        return lost
