"""Served: one model as it is answered from, whole and never changed. A new version is another of these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from marquee.model.arrange import Shop, for_age, for_region
from marquee.model.explain import Explainer
from marquee.model.folder import fingerprint_of, load_model
from marquee.model.histories import Mask
from marquee.model.live import Signals
from marquee.model.recommender import Recommender, restored
from marquee.model.titles import Titles

_DECADE = 10
_TASTES = 1_000  # masks of tastes that are kept at a time


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
        """Kept here, not with the recommender that it refers to: what is served no more is to go at once."""
        model = self.recommender
        return Explainer(model, model.params.signals, model.params.explain)

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

    @cached_property
    def cards(self) -> Sequence[Mapping[str, Any]]:
        """The same by title."""
        return [dict(zip(self.told, row, strict=True)) for row in zip(*self.told.values(), strict=True)]

    def suits(self, age: int) -> Mask:
        """The titles whose mark allows them at this age."""
        if age not in self._ages:
            self._ages[age] = for_age(self.titles, age, self.recommender.params.arrange)
        return self._ages[age]

    def shown_in(self, region: str | None) -> Mask:
        """The titles that may be shown there; where that is not known, those that may be anywhere."""
        return self._regions.get(region, self._regions[None])

    def of_taste(self, kind: str, name: str) -> Mask:
        """The titles of a genre, a decade or a person; none of one that there is not."""
        if len(self._tastes) >= _TASTES:
            self._tastes.clear()
        if (kind, name) not in self._tastes:
            self._tastes[kind, name] = self._of_taste(kind, name)
        return self._tastes[kind, name]

    def _of_taste(self, kind: str, name: str) -> Mask:
        if kind == "decade":
            decade = int(name) if name.isascii() and name.isdigit() else -1
            return np.asarray(self.titles.years // _DECADE * _DECADE == decade)
        columns = ("genres",) if kind == "genre" else ("cast", "directors")
        has = pl.any_horizontal(pl.col(column).list.contains(pl.lit(name)) for column in columns)
        return self.titles.frame.select(has.fill_null(value=False)).to_series().to_numpy()

    @cached_property
    def _ages(self) -> dict[int, Mask]:
        return {}

    @cached_property
    def _regions(self) -> dict[str | None, Mask]:
        return {region: for_region(self.titles, region) for region in (None, *self.titles.region_names)}

    @cached_property
    def _tastes(self) -> dict[tuple[str, str], Mask]:
        return {}

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
    signals = Signals(recommender.params.signals, recommender.params.star)
    return Served(recommender, version, fingerprint, since, facts, recommender.shop, signals)
