"""A small served world: one model with everything that lists are asked about, a real store, and a moment.

The genres and tastes of tests/model's world, and besides: kinds, marks and people, each title with a near copy of its
own, titles that nobody has watched yet, and one of which nothing is known.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marquee.data.events import EventStore
from marquee.model import recommender
from marquee.model.folder import load_model, save_model
from marquee.model.recommender import Recommender
from marquee.params import Params
from marquee.serve.answers import Answers
from marquee.serve.served import Served, open_served
from marquee.serve.shown import Shown
from marquee.tables import TITLES, WHEN
from tests.model.conftest import DAY, GENRES, OF_GENRE, TITLE_COUNT, interactions, small_params

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST_DAY = 20_000  # the world is watched until the last days before NOW
NEW = tuple(range(TITLE_COUNT + 1, TITLE_COUNT + 9))  # nobody has watched them
BARE = TITLE_COUNT + 9  # and of this one nothing is known besides
ALL = BARE
KNOWN = 1  # a viewer of the training
STRANGER = 10_000_000


def catalogue() -> pl.DataFrame:
    number = range(ALL - 1)
    genre = [GENRES[n // OF_GENRE % len(GENRES)] for n in number]
    known = TITLES.complete(
        pl.DataFrame(
            {
                "title_id": [n + 1 for n in number],
                "name": [f"{genre[n]} {n % OF_GENRE}" for n in number],
                "year": pl.Series([1960 + n % OF_GENRE for n in number], dtype=pl.Int16),
                "kind": ["series" if "TV" in genre[n] else "movie" for n in number],
                "genres": [[genre[n]] for n in number],
                # Two and two have the same people: near copies.
                "cast": [[f"Actor {n // 2}", f"Actress {n // 2}"] for n in number],
                "maturity": [("G", "PG-13", "R", None)[n % 4] for n in number],
            }
        )
    )
    bare = TITLES.complete(pl.DataFrame({"title_id": [BARE], "name": ["“L'Été/Æ” \U0001f3ac"]}))
    return pl.concat([known, bare])


def watched() -> pl.DataFrame:
    late = (pl.col("at", "known_at").cast(pl.Int64) + FIRST_DAY * DAY).cast(WHEN)
    return interactions(200, seed=3).with_columns(late)


@pytest.fixture(scope="session")
def params() -> Params:
    return small_params()


@pytest.fixture(scope="session")
def model(params: Params) -> Recommender:
    return recommender.fit(watched(), catalogue(), params)


@pytest.fixture(scope="session")
def model_folder(model: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "model"
    save_model(folder, model.contents({"trained_on": {"ratings": "made in tests"}}))
    load_model(folder)
    return folder


@pytest.fixture(scope="session")
def served(model_folder: Path) -> Served:
    return open_served(model_folder, "7", NOW)


@pytest.fixture
def store(tmp_path: Path, params: Params) -> Iterator[EventStore]:
    with EventStore(f"sqlite:///{tmp_path}/events.db", params.events, None) as store:
        yield store


@pytest.fixture
def shown(store: EventStore) -> Iterator[Shown]:
    shown = Shown(store)
    shown.start()
    yield shown
    shown.stop(10)


@pytest.fixture
def answers(served: Served, store: EventStore, shown: Shown) -> Answers:
    return Answers(lambda: served, store, shown)


def an_event(event_id: str, kind: str, title_id: int | None = 5, **changes: object) -> dict[str, object]:
    event = {"event_id": event_id, "user_id": STRANGER, "title_id": title_id, "kind": kind, "source": "test"}
    return event | {"happened_at": (NOW - timedelta(hours=1)).isoformat()} | changes


def do(store: EventStore, *events: dict[str, object]) -> None:
    receipt = store.append(events, NOW)
    assert receipt.accepted == len(events), receipt


def near_copy(title_id: int) -> int:
    """Of one that somebody has watched: titles 1 and 2 have the same people, 3 and 4, and so on."""
    return title_id + 1 if title_id % 2 else title_id - 1


def seen_by(model: Recommender, user_id: int) -> set[int]:
    """The ids of the titles that a viewer of the training has seen."""
    rows = model.histories.user == int(np.searchsorted(model.histories.user_ids, user_id))
    return set(model.titles.ids[model.histories.title[rows]].tolist())
