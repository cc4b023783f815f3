"""Carried: how much each row of one viewer's history adds to a source's score of a title, and what it loses without.

Exact: over the rows, what is carried sums to the source's score. A source that can be told apart so is one line in
`_cells_of`, or in `_others_of` with a class in a file here if it is of a kind of its own; one that cannot carries
nothing and leaves the others to speak.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from marquee.beside import beside
from marquee.model.carried.adding import Adding, Values
from marquee.model.carried.alike import Alike
from marquee.model.carried.around import Around
from marquee.model.carried.folding import Folding, FoldingLatest
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


Spoken = tuple[list[int], Carrier]  # with the numbers of the sources that it speaks for
Told = list[tuple[list[int], Floats]]


class Carriers:
    """What each source makes of each row of one history, for the titles asked about.

    Those that add up cells take as long as all others together, which are asked beside.
    """

    def __init__(self, sources: Sequence[Source], history: Histories, title: Ints) -> None:
        self._sources, self._history, self._title = sources, history, title

    def carried(self, place: Ints) -> Told:
        """Numbers of sources, and what they carry: these x rows x places among the titles. Others carry nothing."""

        def of(numbers: list[int], carrier: Carrier) -> Floats:
            return carrier.carried(place).reshape(len(numbers), len(self._history.title), len(place))

        return self._of_all(of)

    def shares(self, told: Told, loudness: Floats) -> Floats:
        """Rows x places: what each row carries of a title when each source speaks as loudly of it, sources x places.

        Of all that is carried. In one column the sizes sum to 1, or to 0 where no source that can tell speaks for the
        title.
        """
        total = np.zeros((len(self._history.title), loudness.shape[1]), np.float32)
        for numbers, carried in told:
            _add_up(carried, loudness[numbers], total)
        return total / _sizes(total)

    def lost(self, without: Without) -> Floats:
        """Sources x times x titles: what each score loses without each of the rows."""
        lost = np.zeros((len(self._sources), len(without.rows), len(self._title)), np.float32)
        for numbers, of_sources in self._of_all(lambda _, carrier: carrier.lost(without)):
            lost[numbers] = of_sources
        return lost

    def _of_all(self, of: Callable[[list[int], Carrier], Floats]) -> Told:
        later = beside(lambda: [(numbers, of(numbers, carrier)) for numbers, carrier in self._others])
        told = [(numbers, of(numbers, carrier)) for numbers, carrier in self._adding]
        return told + later.result()

    @cached_property
    def _adding(self) -> list[Spoken]:
        asked = [(number, cells) for number, source in enumerate(self._sources) if (cells := _cells_of(source))]
        asked.sort(key=lambda each: id(each[1][0]))
        numbers, every = [number for number, _ in asked], [cells for _, cells in asked]
        return [(numbers, Adding(every, self._history, self._title))] if asked else []

    @cached_property
    def _others(self) -> list[Spoken]:
        return list(_others_of(self._sources, self._history, self._title))


def _others_of(sources: Sequence[Source], history: Histories, title: Ints) -> Iterator[Spoken]:
    for number, source in enumerate(sources):
        match source:
            case Als():
                yield [number], Folding(source, history, title)
            case Recent(source=Als() as als):
                yield [number], FoldingLatest(als, source.recent, history, title)
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
        case Recent(source=Following() as following):
            return following.chances, lambda deeds: following.values(deeds) * (deeds.from_end < source.recent)
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
