"""Served: one model as it is answered from, whole and never changed. A new version is another of these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np

from marquee.model.arrange import Shop, compact
from marquee.model.explain import Explainer
from marquee.model.folder import fingerprint_of, load_model
from marquee.model.live import Signals
from marquee.model.recommender import Recommender, restored
from marquee.model.sources.content import Content
from marquee.model.titles import Titles

_COLUMNS = 64  # in which titles are compared for diversity


@dataclass(frozen=True, eq=False)
class Served:
    recommender: Recommender
    version: str
    fingerprint: str
    since: datetime
    facts: Mapping[str, Any]  # what it was trained on
    shop: Shop
    signals: Signals

    @property
    def titles(self) -> Titles:
        return self.recommender.titles

    @cached_property
    def explainer(self) -> Explainer:
        return self.recommender.explainer

    @property
    def until(self) -> int:
        """The latest moment that it was trained on."""
        return self.recommender.retriever.profiles.until

    @cached_property
    def told(self) -> Mapping[str, Sequence[Any]]:
        """What is told of titles, by column, as Python has it: a reply is made of a few of each."""
        frame = self.titles.frame
        columns = ("title_id", "name", "year", "kind", "genres", "maturity", "artwork")
        return {name: frame[name].to_list() for name in columns}

    def row_of(self, title_id: int) -> int | None:
        ids = self.titles.ids
        place = int(np.searchsorted(ids, title_id))
        return place if place < len(ids) and int(ids[place]) == title_id else None


def open_served(folder: Path, version: str, since: datetime) -> Served:
    """The model of a folder; ModelError if it is not whole."""
    contents = load_model(folder)
    recommender = restored(contents)
    return served(recommender, version, fingerprint_of(folder), since, contents.facts)


def served(
    recommender: Recommender, version: str, fingerprint: str, since: datetime, facts: Mapping[str, Any]
) -> Served:
    """With all that is worked out once, when a model is opened."""
    content = cast("Content", recommender.retriever.fitted["content"])
    shop = Shop(recommender.watched, compact(content.vectors, _COLUMNS, recommender.params.seed))
    signals = Signals(recommender.params.signals, recommender.params.star)
    return Served(recommender, version, fingerprint, since, facts, shop, signals)
