"""Served: one model as it is answered from, whole and never changed. A new version is another of these."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from marquee.model.histories import Histories
from marquee.model.recommender import Recommender


class Finder(Protocol):
    """The search index of a model."""

    def find(self, query: str, limit: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Row numbers of titles, the best match first, and how well each matches."""
        ...


@dataclass(frozen=True, eq=False)
class Served:
    recommender: Recommender
    before_events: Histories  # what viewers with events in the training had told besides
    index: Finder | None  # None: the model was saved without one
    version: str
    fingerprint: str
    since: datetime
    trained_on: Mapping[str, Any]


def open_served(folder: Path, version: str, since: datetime) -> Served:
    """The model of a folder; ModelError if it is not whole."""
    raise NotImplementedError
