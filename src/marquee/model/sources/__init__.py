"""Candidate sources: each answers one question, how good is every title for a history?

A source is a frozen dataclass of arrays with a `name`, made by its `fit_...` function from histories alone, so that it
works for a viewer never seen in training and changes at once with one new event. NaN is no opinion. To add one: a file
here and one line in `fit_sources` and in SOURCES.
"""

from collections.abc import Mapping
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from marquee.model.histories import Floats, Histories, Ints

Arrays = Mapping[str, NDArray[np.generic]]


class Source(Protocol):
    name: ClassVar[str]

    def scores(self, histories: Histories, as_of: Ints) -> Floats:
        """Viewers x titles: how good each title is for each history as of each viewer's moment (epoch ms)."""
        ...

    def arrays(self) -> Arrays:
        """Everything it knows, to be saved; `restored` makes the same source of it."""
        ...

    @classmethod
    def restored(cls, arrays: Arrays) -> Self: ...
