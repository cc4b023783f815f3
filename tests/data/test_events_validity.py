"""What the event store takes and what it refuses, one by one, with reasons."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marquee.data.events import Event, EventStore, Receipt
from marquee.data.events.validity import RULES, Content, Validity
from marquee.errors import StoreError
from marquee.tables import EVENTS, KINDS_OF_EVENT
from tests.data.conftest import NOW, NOW_MS, PARAMS, TITLES, an_event, ids, reasons


@pytest.fixture
def store_on_sqlite(tmp_path: Path) -> Iterator[EventStore]:
    with EventStore(f"sqlite:///{tmp_path}/events.db", PARAMS, TITLES) as store:
        yield store


def test_an_accepted_event_is_in_the_history_as_it_was_said(store: EventStore) -> None:
    said = an_event(kind="rated", value=4, detail="again – 再び", happened_at="2026-03-01T12:30:00.250+02:00")
    assert store.append([said], NOW) == Receipt(1, 0, ())
    at = NOW_MS - 5_400_000 + 250
    assert store.history(7, 10) == (Event(1, "a", 7, 5, "rated", 4.0, at, NOW_MS, "page", "again – 再び"),)


def test_a_row_of_the_store_has_the_columns_of_the_table() -> None:
    assert Event._fields == tuple(EVENTS.columns)


def test_every_kind_of_event_has_its_rule() -> None:
    assert set(RULES) == set(KINDS_OF_EVENT)


def test_one_event_of_each_kind_is_taken(store: EventStore) -> None:
    special: dict[str, dict[str, object]] = {
        "rated": {"value": 0.5},
        "searched": {"title_id": None, "detail": "noir"},
        "signed_up": {"title_id": None, "detail": "{}"},
    }
    events = [an_event(kind, kind=kind, **special.get(kind, {})) for kind in KINDS_OF_EVENT]
    assert store.append(events, NOW) == Receipt(len(KINDS_OF_EVENT), 0, ())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "bought"}, "kind is none of"),
        ({"kind": ["liked"]}, "kind is none of"),
        ({"kind": None}, "kind is none of"),
        ({"kind": "rated"}, "rated needs value"),
        ({"kind": "rated", "value": 5.5}, "value of rated is not a number from 0.5 to 5"),
        ({"kind": "rated", "value": 0}, "value of rated"),
        ({"kind": "rated", "value": "4"}, "value of rated"),
        ({"kind": "rated", "value": True}, "value of rated"),
        ({"kind": "rated", "value": float("nan")}, "value of rated"),
        ({"kind": "watch_progress", "value": float("inf")}, "value of watch_progress is not a number from 0 to 1"),
        ({"kind": "watch_progress", "value": 10**400}, "value of watch_progress"),
        ({"kind": "liked", "value": 1}, "liked takes no value"),
        ({"kind": "searched"}, "searched needs detail"),
        ({"title_id": None}, "watch_finished needs title_id"),
        ({"title_id": 100}, "title_id is of no known title"),
        ({"title_id": "5"}, "title_id is not a positive whole number"),
        ({"title_id": True}, "title_id is not a positive whole number"),
        ({"title_id": 2**63}, "title_id is not a positive whole number"),
        ({"user_id": None}, "user_id is not a positive whole number"),
        ({"user_id": 0}, "user_id is not a positive whole number"),
        ({"user_id": -1}, "user_id is not a positive whole number"),
        ({"user_id": True}, "user_id is not a positive whole number"),
        ({"user_id": "7"}, "user_id is not a positive whole number"),
        ({"user_id": 7.0}, "user_id is not a positive whole number"),
        ({"user_id": 2**63}, "user_id is not a positive whole number"),
        ({"happened_at": None}, "happened_at is neither"),
        ({"happened_at": True}, "happened_at is neither"),
        ({"happened_at": 1.5}, "happened_at is neither"),
        ({"happened_at": str(NOW_MS)}, "happened_at is not a time in ISO 8601"),
        ({"happened_at": "yesterday"}, "happened_at is not a time in ISO 8601"),
        ({"happened_at": "2026-03-01T11:00:00"}, "happened_at has no time zone"),
        ({"happened_at": NOW_MS + 300_001}, "happened_at is more than 300 s in the future"),
        ({"happened_at": 10**30}, "happened_at is more than 300 s in the future"),
        ({"happened_at": "1989-12-31T23:59:59Z"}, "happened_at is before 1990"),
        ({"happened_at": "0001-01-01T00:00:00+14:00"}, "happened_at is before 1990"),
        ({"detail": "x" * 201}, "detail is longer than 200 characters"),
        ({"detail": "a\0b"}, "detail has a NUL or half a character"),
        ({"detail": "\ud800"}, "detail has a NUL or half a character"),
        ({"detail": 5}, "detail is not text"),
        ({"event_id": None}, "event_id is not text"),
        ({"event_id": ""}, "event_id is empty"),
        ({"event_id": "x" * 65}, "event_id is longer than 64 characters"),
        ({"source": None}, "source is not text"),
        ({"source": "  "}, "source is empty"),
        ({"rating": 4}, "unknown key; an event has event_id, user_id"),
    ],
)
def test_an_invalid_event_is_refused_with_its_reason_and_the_rest_kept(
    store_on_sqlite: EventStore, changes: dict[str, object], reason: str
) -> None:
    receipt = store_on_sqlite.append([an_event("first"), an_event("wrong") | changes, an_event("last")], NOW)
    assert (receipt.accepted, receipt.duplicates) == (2, 0)
    assert [refusal.index for refusal in receipt.refused] == [1]
    assert reasons(receipt)[0].startswith(reason)
    assert ids(store_on_sqlite.history(7, 10)) == ["first", "last"]


def test_a_profile_that_no_reader_gets_to_the_end_of_is_refused() -> None:
    judge = Validity(PARAMS.model_copy(update={"text_limit": 10**6}), None).judge
    deep, odd = (an_event(kind="signed_up", title_id=None, detail=detail) for detail in ("[" * 10**5, "no JSON"))
    assert str(judge(deep, NOW_MS)).startswith("detail of signed_up is nested too deeply")
    assert isinstance(judge(odd, NOW_MS), Content)
    assert isinstance(judge(an_event(detail="[" * 10**5), NOW_MS), Content)


def test_the_limits_themselves_are_taken(store: EventStore) -> None:
    edges: list[dict[str, object]] = [
        {"kind": "rated", "value": 5},
        {"kind": "abandoned", "value": 0},
        {"happened_at": NOW_MS + 300_000},
        {"happened_at": "1990-01-01T00:00:00Z"},
        {"detail": "x" * 200},
        {"source": "s" * 64},
        {"user_id": 2**63 - 1},
    ]
    events = [an_event(str(number).rjust(64, "x"), **edge) for number, edge in enumerate(edges)]
    assert store.append(events, NOW) == Receipt(len(edges), 0, ())


@pytest.mark.parametrize("sent", ["text", 5, None, [an_event()]])
def test_what_is_no_set_of_named_values_is_no_event(store_on_sqlite: EventStore, sent: object) -> None:
    receipt = store_on_sqlite.append([sent, an_event()], NOW)
    assert (receipt.accepted, reasons(receipt)) == (1, ["not a JSON object; an event is a set of named values"])


def test_a_refusal_names_the_event_but_no_more_of_it_than_can_be_sent(store: EventStore) -> None:
    receipt = store.append(["no mapping", an_event("x" * 1_000), {"event_id": 5}, an_event("half \ud800")], NOW)
    assert [refusal.event_id for refusal in receipt.refused] == [None, "x" * 64, None, "half ?"]


def test_without_a_list_of_titles_every_title_is_known(store_url: str) -> None:
    with EventStore(store_url, PARAMS, None) as store:
        assert store.append([an_event(title_id=12_345)], NOW).accepted == 1


def test_a_batch_over_the_limit_says_how_to_split_it(store: EventStore) -> None:
    with pytest.raises(StoreError, match=r"1,001 events in one batch; send at most 1,000 .*events\.batch_limit"):
        store.append([an_event(str(number)) for number in range(1_001)], NOW)
    assert store.position() == 0


def test_an_empty_batch_changes_nothing(store: EventStore) -> None:
    assert store.append([], NOW) == Receipt(0, 0, ())
    assert store.position() == 0


junk: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)
)
half_right = st.fixed_dictionaries(
    {},
    optional={
        "event_id": st.text(max_size=70) | junk,
        "user_id": st.integers(-1, 2**64) | junk,
        "title_id": st.integers(0, 120) | junk,
        "kind": st.sampled_from(KINDS_OF_EVENT) | junk,
        "value": st.floats(0, 5) | junk,
        "happened_at": st.integers(0, 2 * NOW_MS) | st.datetimes().map(lambda at: f"{at.isoformat()}Z") | junk,
        "source": st.sampled_from(["page", ""]) | junk,
        "detail": st.text(st.characters()) | junk,
        "else": junk,
    },
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(half_right | junk, max_size=8))
def test_whatever_is_sent_is_either_kept_or_refused(store: EventStore, batch: list[Any]) -> None:
    receipt = store.append(batch, NOW)
    assert receipt.accepted + receipt.duplicates + len(receipt.refused) == len(batch)
