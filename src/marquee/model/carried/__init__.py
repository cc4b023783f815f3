"""Carried: how much each row of one viewer's history adds to a source's score of a title, and what it loses without.

Exact: over the rows, what is carried sums to the source's score. A source that can be told apart so is one line in
`_cells_of`, or in `_carriers_of` with a class in a file here if it is of a kind of its own; one that cannot carries
nothing and leaves the others to speak.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from marquee.model.carried.adding import Adding, Values
from marquee.model.carried.alike import Alike
from marquee.model.carried.around import Around
from marquee.model.carried.folding import Folding
from marquee.model.carried.without import Without
from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import Source
from marquee.model.sources.als import Als
from marquee.model.sources.autoencoder import Autoencoder
from marquee.model.sources.content import Content
from marquee.model.sources.fitting import Recent, Weighed
from marquee.model.sources.following import Following
from marquee.model.sources.following import Sequence as Order
from marquee.model.sources.neighbours import TitleNeighbours, ViewerNeighbours


class Carrier(Protocol):
    """What a source makes of each row of one history, for titles that are known; or several that are asked together."""

    def carried(self, place: Ints) -> Floats:
        """(Sources x) rows x places among the titles; zeros where it has no opinion."""
        ...

    def lost(self, without: Without) -> Floats:
        """(Sources x) times x titles: what the score loses without each of the rows."""
        ...


class Carriers:
    """What each source makes of each row of one history, for the titles asked about."""

    def __init__(self, sources: Sequence[Source], history: Histories, title: Ints) -> None:
        self._sources, self._rows, self._titles = len(sources), len(history.title), len(title)
        self._carriers = list(_carriers_of(sources, history, title))

    def carried(self, place: Ints) -> Iterator[tuple[list[int], Floats]]:
        """Numbers of sources, and what they carry: these x rows x places among the titles. Others carry nothing."""
        for numbers, carrier in self._carriers:
            yield numbers, carrier.carried(place).reshape(len(numbers), self._rows, len(place))

    def shares(self, place: Ints, loudness: Floats) -> Floats:
        """Rows x places: what each row carries of a title when each source speaks as loudly of it, sources x places.

        In one column the sizes sum to 1, or to 0 where no source that can tell speaks for the title.
        """
        total = np.zeros((self._rows, len(place)), np.float32)
        for numbers, carried in self.carried(place):
            _add_up(carried, loudness[numbers], total)
        return total / _sizes(total)

    def lost(self, without: Without) -> Floats:
        """Sources x times x titles: what each score loses without each of the rows."""
        lost = np.zeros((self._sources, len(without.rows), self._titles), np.float32)
        for numbers, carrier in self._carriers:
            lost[numbers] = carrier.lost(without)
        return lost


def _carriers_of(sources: Sequence[Source], history: Histories, title: Ints) -> Iterator[tuple[list[int], Carrier]]:
    """With the numbers of the sources that each speaks for."""
    adding = [(number, cells) for number, source in enumerate(sources) if (cells := _cells_of(source))]
    first: dict[int, int] = {}  # addresses tell matrices apart, but in no order that another process has
    for number, (matrix, _) in adding:
        first.setdefault(id(matrix), number)
    adding.sort(key=lambda each: first[id(each[1][0])])
    if adding:
        yield [number for number, _ in adding], Adding([cells for _, cells in adding], history, title)
    for number, source in enumerate(sources):
        match source:
            case Als():
                yield [number], Folding(source, history, title)
            case ViewerNeighbours():
                yield [number], Around(source, history, title)
            case Content():
                yield [number], Alike(source, history, title)


def _cells_of(source: Source) -> tuple[sp.csr_array, Values] | None:
    """The matrix whose cells a source adds up, and how much each row of a history counts."""
    match source:
        case Autoencoder() | Order():
            return source.weights, source.values
        case Weighed():
            return source.source.weights, source.values
        case Following():
            return source.chances, source.values
        case Recent():
            return source.source.chances, source.values
        case TitleNeighbours():
            return source.likeness, source.values
    return None


@compiled
def _add_up(carried: Floats, loudness: Floats, total: Floats) -> None:
    for source in range(len(carried)):
        weights = loudness[source] / _sizes(carried[source])
        for row in range(len(total)):
            for place in range(len(weights)):
                total[row, place] += carried[source, row, place] * weights[place]


@compiled
def _sizes(carried: Floats) -> Floats:
    """Of what rows carry of each title; 1 where it is nothing."""
    sizes = np.zeros(carried.shape[1], np.float32)
    for row in range(len(carried)):
        for title in range(len(sizes)):
            sizes[title] += abs(carried[row, title])
    for title in range(len(sizes)):
        sizes[title] = sizes[title] if sizes[title] > 0 else np.float32(1)
    return sizes
