"""Retrieval: every source fitted, the best of all gathered, and lessons turned into the rows that a ranker learns from."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from marquee.model.candidates import Candidates, gather
from marquee.model.features import describe
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.lessons import Asked, Lesson, lessons
from marquee.model.profiles import TitleProfiles, profile_titles
from marquee.model.ranker import Rows
from marquee.model.sources import Source
from marquee.model.titles import Titles
from marquee.params import Params

BATCH = 128  # viewers whose scores of all titles are in memory at once


@dataclass(frozen=True, eq=False)
class Retriever:
    """Sources and title profiles of the same past; it remembers until when it knows."""

    sources: tuple[Source, ...]
    profiles: TitleProfiles
    titles: Titles
    depth: int

    def candidates(self, histories: Histories, as_of: Ints) -> tuple[Candidates, Floats]:
        """The candidates of a batch of viewers, and their features."""
        found = gather(self.sources, histories, as_of, self.depth)
        return found, describe(found, self.names, histories, as_of, self.titles, self.profiles)[1]
