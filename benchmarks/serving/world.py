"""What is served: a whole model of the Netflix Prize's size, and a store with events of some of its viewers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.recommending import make, opened
from marquee.data.events import EventStore
from marquee.model.folder import load_model, save_model
from marquee.model.histories import Histories, Ints, no_histories
from marquee.model.recommender import Recommender
from marquee.model.search import fit_index
from marquee.model.stars import fit_stars
from marquee.serve.worker import shipped_params
from tests.serve.running import saved

_EVENTS_EACH, _BATCH, _SEED = 40, 1_000, 11
_KINDS = ("watch_finished", "liked", "rated", "opened", "watch_progress", "disliked")
_VALUES = {"rated": 4.0, "watch_progress": 0.5}


@dataclass(frozen=True, eq=False)
class World:
    model: Path
    titles: pl.DataFrame
    viewers: Sequence[int]  # ids of those who have events

    @property
    def names(self) -> Sequence[str]:
        return [name for name in self.titles["name"].to_list() if name]


def whole(folder: Path) -> Path:
    """The model of recommending.py, with stars and a search index: all that is served. Made if it is not there."""
    if not (folder / "served").exists():
        if not (folder / "model").exists():
            make(folder)
        of = opened(folder / "model")
        stars = fit_stars(of.histories, len(of.titles), of.params.stars, of.params.seed)
        index = fit_index(of.titles, of.retriever.profiles.share, of.params.search)
        made = Recommender(of.params, of.histories, of.retriever, of.ranker, stars, (), index, no_histories())
        save_model(folder / "served", made.contents({}))
    return folder / "served"


def tiny(folder: Path) -> Path:
    return saved(folder / "served")


def filled(model: Path, database_url: str, viewers: int) -> World:
    """The model with a new store, in which some of its viewers have events."""
    contents, rng = load_model(model), np.random.default_rng(_SEED)
    known, titles = Histories(**contents.arrays["histories"]), contents.frames["titles"]
    chosen = rng.choice(known.user_ids, min(viewers, len(known)), replace=False)
    events = _events(chosen, titles["title_id"].to_numpy(), rng)
    with EventStore(database_url, shipped_params().events, None) as store:
        for first in range(0, len(events), _BATCH):
            receipt = store.append(events[first : first + _BATCH], datetime.now(UTC))
            assert not receipt.refused, receipt.refused[0].reason
    return World(model, titles, chosen.tolist())


def _events(user_ids: Ints, title_ids: Ints, rng: np.random.Generator) -> list[dict[str, object]]:
    """Of the last month, in the order of time."""
    users, count = np.tile(user_ids, _EVENTS_EACH).tolist(), len(user_ids) * _EVENTS_EACH
    titles, kinds = rng.choice(title_ids, count).tolist(), rng.choice(_KINDS, count).tolist()
    begin, apart = datetime.now(UTC) - timedelta(days=30), timedelta(days=30) / (count + 1)
    return [
        {
            "event_id": f"before-{number}",
            "user_id": users[number],
            "title_id": titles[number],
            "kind": kind,
            "value": _VALUES.get(kind),
            "happened_at": (begin + number * apart).isoformat(),
            "source": "benchmark",
        }
        for number, kind in enumerate(kinds)
    ]
