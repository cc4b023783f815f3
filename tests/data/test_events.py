"""The event store on both databases: once, in any order, followed, exported and forgotten."""

import itertools
import sqlite3
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from marquee.data.events import Deeds, EventStore, Receipt, database
from marquee.data.events.database import Database
from marquee.data.events.schema import UNDONE
from tests.data.conftest import NOW, NOW_MS, PARAMS, TITLES, an_event, ids, reasons

# Once, in any order


def test_an_event_sent_again_is_a_duplicate_however_it_is_spelt(store: EventStore) -> None:
    first = an_event(kind="rated", value=4, happened_at="2026-03-01T11:00:00+00:00")
    again = an_event(kind="rated", value=4.0, happened_at=NOW_MS - 3_600_000, detail=None)
    assert store.append([first, again], NOW) == Receipt(1, 1, ())
    assert store.append([again], NOW + timedelta(days=1)) == Receipt(0, 1, ())
    assert len(store.history(7, 10)) == 1


def test_an_id_never_names_two_events(store: EventStore) -> None:
    receipt = store.append([an_event("a"), an_event("a", title_id=6)], NOW)
    assert (receipt.accepted, reasons(receipt)) == (1, ["event_id already names another event"])
    receipt = store.append([an_event("a", kind="liked"), an_event("b")], NOW)
    assert (receipt.accepted, reasons(receipt)) == (1, ["event_id already names another event"])
    assert [event.title_id for event in store.history(7, 10)] == [5, 5]


def test_a_history_is_in_the_order_it_happened_not_in_which_it_came(store: EventStore) -> None:
    arrived = [("noon", 12), ("Dawn", 6), ("dawn", 6), ("night", 0)]
    for name, hour in arrived:
        store.append([an_event(name, happened_at=f"2026-02-01T{hour:02}:00:00Z")], NOW)
    assert ids(store.history(7, 10)) == ["night", "Dawn", "dawn", "noon"]
    assert ids(store.history(7, 2)) == ["dawn", "noon"]
    assert ids(store.since(0, 10)) == ["noon", "Dawn", "dawn", "night"]


viewings = st.builds(
    lambda name, user_id, minute, title_id: (name, user_id, minute, title_id),
    st.text("aAbBzZ09-_é", min_size=1, max_size=4),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(1, 99),
)
example = itertools.count()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(viewings=st.lists(viewings, max_size=25, unique_by=lambda viewing: viewing[0]), data=st.data())
def test_any_prefix_replayed_twice_and_shuffled_gives_the_same_state(
    store: EventStore, viewings: list[tuple[str, int, int, int]], data: st.DataObject
) -> None:
    # Every example has its own viewers and ids, so that all of them can share one database.
    mark, base = f"{next(example)}.", 10 * next(example)
    events = [
        an_event(mark + name, user_id=base + user_id, title_id=title_id, happened_at=NOW_MS - 60_000 * minute)
        for name, user_id, minute, title_id in viewings
    ]
    prefix = events[: data.draw(st.integers(0, len(events)))]
    sent = data.draw(st.permutations(events + prefix + prefix))
    accepted = 0
    while sent:
        size = data.draw(st.integers(1, len(sent)))
        receipt = store.append(sent[:size], NOW)
        accepted += receipt.accepted
        assert not receipt.refused
        sent = sent[size:]
    assert accepted == len(events)
    for user_id in range(base + 1, base + 4):
        theirs = sorted((e["happened_at"], e["event_id"], e["title_id"]) for e in events if e["user_id"] == user_id)
        assert [(e.happened_at, e.event_id, e.title_id) for e in store.history(user_id, 100)] == theirs


# Following


def test_positions_count_what_was_accepted_and_nothing_else(store: EventStore) -> None:
    store.append([an_event("a"), an_event("a"), an_event("b", user_id=0), an_event("c")], NOW)
    assert [(event.position, event.event_id) for event in store.since(0, 10)] == [(1, "a"), (2, "c")]
    assert store.position() == 2
    assert ids(store.since(1, 10)) == ["c"]
    assert ids(store.since(0, 1)) == ["a"]


@pytest.mark.parametrize("number", [-(2**70), -1, 0, 2**63, 2**70])
def test_a_number_no_viewer_or_position_can_have_finds_nothing(store: EventStore, number: int) -> None:
    store.append([an_event()], NOW)
    assert store.history(number, 10) == ()
    assert list(store.export(number)) == []
    assert store.forget(number, NOW) == 0
    assert store.since(number, 10) == (store.history(7, 1) if number == 0 else ())
    assert len(store.history(7, number)) == len(store.since(0, number)) == (number > 0)


# Export and forget


def test_an_export_is_everything_a_viewer_did_in_words(store: EventStore) -> None:
    store.append([an_event("b"), an_event("other", user_id=8), an_event("a", kind="rated", value=3.5)], NOW)
    common = {"user_id": 7, "title_id": 5, "source": "page"}
    times = {"happened_at": "2026-03-01T11:00:00.000+00:00", "recorded_at": "2026-03-01T12:00:00.000+00:00"}
    assert list(store.export(7)) == [
        {"position": 3, "event_id": "a", "kind": "rated", "value": 3.5} | common | times,
        {"position": 1, "event_id": "b", "kind": "watch_finished"} | common | times,
    ]


def test_an_export_left_half_way_holds_nobody_up(store: EventStore) -> None:
    store.append([an_event("a"), an_event("b")], NOW)
    export = store.export(7)
    assert isinstance(export, Generator)
    assert next(export)["event_id"] == "a"
    assert store.append([an_event("c")], NOW).accepted == 1
    export.close()


def test_a_forgotten_viewer_is_gone_and_the_others_are_not(store: EventStore) -> None:
    store.append([an_event("a"), an_event("b", user_id=8), an_event("c")], NOW)
    assert store.forget(7, NOW) == 2
    assert store.history(7, 10) == ()
    assert list(store.export(7)) == []
    assert ids(store.since(0, 10)) == ["b"]
    assert store.forget(7, NOW) == 0


def test_what_a_viewer_told_of_themselves_is_among_their_deeds_however_long_ago_it_was(store: EventStore) -> None:
    told = {"kind": "signed_up", "title_id": None, "detail": "{}"}
    store.append([an_event("old", **told, happened_at="2026-01-01T00:00:00Z")], NOW)
    store.append([an_event("told", **told, happened_at="2026-01-02T00:00:00Z"), an_event("a"), an_event("b")], NOW)
    assert ids(store.deeds(7, 2).events) == ["old", "told", "a", "b"]
    assert ids(store.deeds(7, 4).events) == ["old", "told", "a", "b"]


def test_what_a_viewer_finished_or_said_is_among_their_deeds_however_much_they_looked_at_since(
    store: EventStore,
) -> None:
    lasting = [an_event(kind, kind=kind) for kind in ("watch_finished", "disliked", "saved")]
    passing = [an_event(f"{kind} {n}", kind=kind, detail="x") for n in range(20) for kind in ("opened", "searched")]
    progress = [an_event(f"progress {n}", kind="watch_progress", value=0.1) for n in range(10)]
    store.append([*lasting, *passing, *progress], NOW)
    assert ids(store.deeds(7, 5).events) == names(lasting) + names(progress[5:])
    assert ids(store.deeds(7, 53).events) == names([*lasting, *passing, *progress])


def names(events: Sequence[Mapping[str, object]]) -> list[object]:
    return [event["event_id"] for event in events]


def test_an_event_that_is_undone_is_gone_and_stays_so_when_it_is_told_again(store: EventStore) -> None:
    store.append([an_event("a"), an_event("b"), an_event("c", user_id=8)], NOW)
    assert store.undo(7, ["a", "c", "no such event"]) == 1
    assert (ids(store.history(7, 10)), ids(store.history(8, 10))) == (["b"], ["c"])
    again = store.append([an_event("a"), an_event("a", user_id=8), an_event("a by another name")], NOW)
    assert (again.accepted, again.duplicates) == (2, 1)
    assert ids(store.history(7, 10)) == ["a by another name", "b"]


def test_what_was_undone_may_be_told_again_where_its_viewer_wants_that(store: EventStore) -> None:
    store.append([an_event("a"), an_event("b")], NOW)
    for _ in range(2):
        assert store.undo(7, ["a", "b"]) == 2
        store.allow_again(7, ["a"])
        store.allow_again(8, ["b"])
        receipt = store.append([an_event("a"), an_event("b")], NOW)
        assert (receipt.accepted, receipt.duplicates) == (1, 1)
        assert ids(store.history(7, 10)) == ["a"]
        store.allow_again(7, ["b"])
        store.append([an_event("b")], NOW)


def test_of_who_is_forgotten_it_is_not_kept_what_they_took_back(store: EventStore, store_url: str) -> None:
    store.append([an_event("a"), an_event("b", user_id=8)], NOW)
    store.undo(7, ["a"])
    store.undo(8, ["b"])
    store.forget(7, NOW)
    with closing(Database(store_url)) as database, database.read() as connection:
        assert [tuple(row) for row in connection.execute(select(UNDONE))] == [("b", 8)]


def test_what_was_forgotten_is_refused_when_it_is_sent_again(store: EventStore) -> None:
    ahead = an_event("ahead", happened_at=NOW_MS + 200_000)
    store.append([an_event("a"), ahead], NOW)
    store.forget(7, NOW)
    late = [an_event("a"), ahead, an_event("never came before"), an_event("b", user_id=8)]
    receipt = store.append(late, NOW + timedelta(hours=1))
    assert receipt.accepted == 1
    assert set(reasons(receipt)) == {"its viewer asked to be forgotten after it happened"}
    assert store.history(7, 10) == ()


def test_a_viewer_who_comes_back_begins_anew(store: EventStore) -> None:
    store.append([an_event("a")], NOW)
    store.forget(7, NOW)
    later = NOW + timedelta(days=1)
    assert store.append([an_event("b", happened_at=later.isoformat())], later).accepted == 1
    assert ids(store.history(7, 10)) == ["b"]


def test_a_position_is_never_given_twice_not_even_after_its_event_is_forgotten(store: EventStore) -> None:
    store.append([an_event("a", user_id=8), an_event("b")], NOW)
    store.forget(7, NOW)
    store.append([an_event("c", user_id=8)], NOW)
    assert [event.position for event in store.since(0, 10)] == [1, 4]  # 3 is that of the forgetting


def test_changes_tell_of_what_was_recorded_and_of_what_was_taken_back(store: EventStore) -> None:
    store.append([an_event("a"), an_event("b", user_id=8, kind="shown"), an_event("c", user_id=9)], NOW)
    store.undo(7, ["a"])
    store.append([an_event("d", user_id=8)], NOW + timedelta(seconds=1))
    store.forget(9, NOW + timedelta(seconds=2))
    recorded = [(2, 8, NOW_MS, False), (5, 8, NOW_MS + 1_000, True)]
    assert list(store.changes(0, 10)) == sorted([*recorded, (4, 7, None, True), (6, 9, None, True)])
    assert [change.position for change in store.changes(2, 2)] == [4, 5]
    assert store.changes(6, 10) == ()
    store.undo(9, ["c"])  # the last one of each viewer is enough
    assert [change.position for change in store.changes(5, 10)] == [7]


def test_no_byte_of_a_forgotten_viewer_stays_in_an_sqlite_file(tmp_path: Path) -> None:
    with EventStore(f"sqlite:///{tmp_path}/events.db", PARAMS, TITLES) as store:
        store.append([an_event(f"e{n}", user_id=7 + n % 2, detail=f"secret{n % 2}-{n}") for n in range(900)], NOW)
        assert store.forget(7, NOW) == 450
        there = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert b"secret1-" in there
    assert b"secret0-" not in there


def test_whoever_reads_keeps_the_bytes_of_a_forgotten_viewer_and_that_is_said_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database, "_READERS_S", 0.1)

    def secret_is_there() -> bool:
        return any(b"secret" in path.read_bytes() for path in tmp_path.iterdir())

    with (
        EventStore(f"sqlite:///{tmp_path}/events.db", PARAMS, TITLES) as store,
        closing(sqlite3.connect(tmp_path / "events.db", isolation_level=None)) as reader,
    ):
        store.append([an_event(f"e{n}", detail="secret") for n in range(90)], NOW)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchall()
        before = time.monotonic()
        assert store.forget(7, NOW) == 90
        assert time.monotonic() - before < 10
        assert store.history(7, 10) == ()
        (said,) = caplog.messages
        assert "its bytes stay in the file while another program reads it" in said
        assert secret_is_there()
        reader.execute("COMMIT")
        store.forget(8, NOW)
        assert caplog.messages == [said]
        assert not secret_is_there()


def test_deeds_are_what_a_viewer_did_and_not_what_they_were_shown(store: EventStore) -> None:
    told = [an_event("a"), an_event("b", kind="shown"), an_event("c", kind="liked"), an_event("d", user_id=8)]
    store.append(told, NOW)
    assert ids(store.deeds(7, 10).events) == ["a", "c"]
    assert ids(store.deeds(7, 1).events) == ["a", "c"]
    assert ids(store.history(7, 10)) == ["a", "b", "c"]


def test_deeds_of_one_moment_are_in_the_order_in_which_they_were_told(store: EventStore) -> None:
    store.append([an_event("z"), an_event("a", kind="liked"), an_event("m", kind="saved")], NOW)
    assert ids(store.deeds(7, 10).events) == ["z", "a", "m"]


def test_deeds_say_until_when_a_viewer_is_to_be_forgotten(store: EventStore) -> None:
    store.append([an_event("a")], NOW)
    assert store.deeds(7, 10).forgotten_until is None
    store.forget(7, NOW)
    assert (store.deeds(7, 10), dict(store.forgotten())) == (Deeds((), NOW_MS), {7: NOW_MS})


def test_what_was_shown_is_not_stepped_over_to_read_deeds(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/events.db"
    EventStore(url, PARAMS, None).close()
    with closing(sqlite3.connect(tmp_path / "events.db")) as connection:
        asked = "SELECT * FROM events WHERE user_id = ? AND kind != 'shown' ORDER BY happened_at DESC, position DESC"
        assert "USING INDEX deeds" in str(connection.execute(f"EXPLAIN QUERY PLAN {asked}", (7,)).fetchall())
