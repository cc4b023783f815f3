"""A viewer of this moment while the store says nothing, or refuses: who waits for it, and when it is back."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

import psycopg
import pytest
from sqlalchemy import URL, make_url

from marquee.data.events import EventStore
from marquee.params import Params
from marquee.serve.answers import viewers
from marquee.serve.answers.viewers import Viewers
from marquee.serve.served import Served
from tests.serve.conftest import STRANGER, an_event, do
from tests.silence import silent


@dataclass
class Clock:
    """The real one, which can be put forward."""

    forward: float = 0

    def __call__(self) -> float:
        return monotonic() + self.forward


@pytest.fixture
def away_store(postgres_url: str, params: Params) -> Iterator[EventStore]:
    """One that can go away."""
    with EventStore(postgres_url, params.events, None) as store:
        do(store, an_event("a", "liked"))
        yield store


@pytest.mark.timeout(60)
def test_a_store_that_says_nothing_is_waited_for_once_in_a_while(
    away_store: EventStore, postgres: URL, served: Served
) -> None:
    clock = Clock()
    of_now = Viewers(away_store, clock)
    assert of_now.now(served, STRANGER).events
    with silent(postgres):
        assert of_now.now(served, STRANGER).degraded
    assert of_now.now(served, STRANGER).degraded  # not asked: it would answer
    clock.forward = viewers._PAUSE_S
    assert not of_now.now(served, STRANGER).degraded


def test_a_store_that_refuses_at_once_is_asked_each_time(
    away_store: EventStore, postgres_url: str, postgres: URL, served: Served
) -> None:
    of_now = Viewers(away_store)
    schema = str(make_url(postgres_url).query["options"]).rpartition("=")[2]
    with psycopg.connect(postgres.render_as_string(hide_password=False), autocommit=True) as connection:
        for before, after in ((schema, f"{schema}_away"), (f"{schema}_away", schema)):
            connection.execute(f"ALTER SCHEMA {before} RENAME TO {after}")
            assert of_now.now(served, STRANGER).degraded == (before == schema)


def test_a_wish_that_changes_is_remembered_however_many_are(
    away_store: EventStore, postgres: URL, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewers, "_MOST_TOLD", 1)
    of_now = Viewers(away_store)
    for user_id, age in ((6, 18), (7, 18), (6, 12)):
        told = an_event(f"{user_id} {age}", "signed_up", None, user_id=user_id, detail=f'{{"age": {age}}}')
        do(away_store, told)
        assert of_now.now(served, user_id).told == {"age": age}
    with silent(postgres):
        assert [of_now.now(served, user_id).told for user_id in (6, 7)] == [{"age": 12}, {}]
