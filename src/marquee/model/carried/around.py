"""Around: viewers alike. Who is asked follows from all rows; what they watched around each of them adds up."""

import numpy as np

from marquee.model.carried.without import Without
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources.neighbours import ViewerNeighbours


class Around:
    def __init__(self, source: ViewerNeighbours, history: Histories, title: Ints) -> None:
        meetings = source.meetings(history)
        met = np.unique(meetings.places[:, 0])
        self._number = np.full(len(history.title), -1)  # of each row among those that met
        self._number[met] = np.arange(len(met))
        column = np.full(source.titles, -1, np.int32)
        column[title] = np.arange(len(title))
        self._around = np.zeros((len(met) + 1, len(title)), np.float32)  # and, last, of one that met nobody
        source.add_around(meetings, self._number, column, self._around)

    def carried(self, place: Ints) -> Floats:
        carried: Floats = self._around[self._number][:, place]
        return carried

    def lost(self, without: Without) -> Floats:
        """The same are asked when a row is left out: who they are follows from all rows."""
        lost: Floats = self._around[self._number[without.rows]]
        return lost
