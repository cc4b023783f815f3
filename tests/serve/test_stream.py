"""Streams: who is woken, what is told, and that nobody is left behind."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import UTC, datetime

import pytest

from marquee.data.events import EventStore
from marquee.data.events.store import Change
from marquee.serve import stream
from marquee.serve.stream import Streams, told
from marquee.serve.worker import shipped_params
from tests.serve.running import an_event

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(store_url: str) -> Iterator[EventStore]:
    with EventStore(store_url, shipped_params().events, None) as store:
        yield store


def still() -> bool:
    return True


async def a_list() -> bytes:
    return b"{}"


async def next_of(lists: AsyncGenerator[bytes]) -> str:
    async with asyncio.timeout(20):
        return (await anext(lists)).decode()


async def begun(store: EventStore) -> Streams:
    streams = Streams(store, asyncio.get_running_loop())
    streams.start()
    return streams


def test_the_first_list_comes_at_once_and_the_next_with_an_event_of_theirs_alone(store: EventStore) -> None:
    async def listen() -> None:
        streams = await begun(store)
        mine, also_mine, other = (told(streams, user_id, None, a_list, still) for user_id in (6, 6, 7))
        for lists in (mine, also_mine, other):
            assert await next_of(lists) == "id: 0\nevent: list\ndata: {}\n\n"
        waiting = asyncio.ensure_future(next_of(other))
        store.append([an_event("a")], NOW)
        assert (await next_of(mine)).startswith("id: 1\n")
        assert (await next_of(also_mine)).startswith("id: 1\n")
        assert not waiting.done()
        store.append([an_event("b", user_id=7)], NOW)
        assert (await waiting).startswith("id: 2\n")
        streams.stop()

    asyncio.run(listen())


def test_what_this_worker_wrote_does_not_wait_for_the_next_look(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listen() -> None:
        streams = await begun(store)
        streams.stir()  # for nobody
        lists = told(streams, 6, None, a_list, still)
        await next_of(lists)
        monkeypatch.setattr(stream, "_EVERY_S", 600)
        waiting = asyncio.ensure_future(next_of(lists))
        await asyncio.sleep(0.2)  # the last short pause is over
        store.append([an_event("a")], NOW)
        await asyncio.sleep(0.2)
        assert not waiting.done()
        streams.stir()
        assert (await waiting).startswith("id: 1\n")
        streams.stop()

    asyncio.run(listen())


@pytest.mark.parametrize("take_back", [lambda store: store.undo(6, ["a"]), lambda store: store.forget(6, NOW)])
def test_what_another_process_takes_back_brings_a_list_too(
    store: EventStore, store_url: str, take_back: Callable[[EventStore], int]
) -> None:
    async def listen() -> None:
        store.append([an_event("a")], NOW)
        streams = await begun(store)
        lists = told(streams, 6, streams.position, a_list, still)
        waiting = asyncio.ensure_future(next_of(lists))
        with EventStore(store_url, shipped_params().events, None) as elsewhere:
            assert take_back(elsewhere) == 1
        assert (await waiting).startswith("id: 2\n")
        streams.stop()

    asyncio.run(listen())


def test_what_was_shown_wakes_nobody(store: EventStore) -> None:
    async def listen() -> None:
        streams = await begun(store)
        lists = told(streams, 6, None, a_list, still)
        await next_of(lists)
        store.append([an_event("a", kind="shown")], NOW)
        store.append([an_event("b", kind="opened")], NOW)
        assert (await next_of(lists)).startswith("id: 2\n")
        streams.stop()

    asyncio.run(listen())


def test_who_comes_back_and_missed_nothing_is_told_nothing_twice(store: EventStore) -> None:
    store.append([an_event("a")], NOW)

    async def listen() -> None:
        streams = await begun(store)
        while streams.position != 1:
            await asyncio.sleep(0)
        back = told(streams, 6, 1, a_list, still)
        waiting = asyncio.ensure_future(next_of(back))
        store.append([an_event("b")], NOW)
        assert (await waiting).startswith("id: 2\n")
        late = told(streams, 6, 1, a_list, still)
        assert (await next_of(late)).startswith("id: 2\n")
        streams.stop()

    asyncio.run(listen())


def test_who_listens_waits_for_no_pause_of_before(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_IDLE_S", 3_600)

    async def listen() -> None:
        streams = await begun(store)
        store.append([an_event("a")], NOW)
        lists = told(streams, 6, 0, a_list, still)
        assert (await next_of(lists)).startswith("id: 1\n")
        store.append([an_event("b")], NOW)
        assert (await next_of(lists)).startswith("id: 2\n")
        await lists.aclose()
        streams.stop()

    asyncio.run(listen())


def test_who_is_behind_catches_up_without_a_pause(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_IDLE_S", 3_600)
    monkeypatch.setattr(stream, "_EVERY_S", 3_600)
    monkeypatch.setattr(stream, "_AT_ONCE", 2)

    async def listen() -> None:
        streams = await begun(store)
        store.append([an_event(f"{number}", user_id=7, kind="shown") for number in range(5)], NOW)
        store.append([an_event("a")], NOW)
        lists = told(streams, 6, 0, a_list, still)
        assert (await next_of(lists)).startswith("id: 6\n")
        streams.stop()

    asyncio.run(listen())


def test_who_never_catches_up_ends_all_the_same(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_IDLE_S", 0.01)

    def changes(position: int, limit: int) -> tuple[Change, ...]:
        return (Change(position + 1, 7, None, False),) * limit

    async def listen() -> None:
        monkeypatch.setattr(store, "changes", changes)
        streams = await begun(store)
        while streams.position < 3:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(20):
            await asyncio.to_thread(streams.stop)

    asyncio.run(listen())


def test_a_defect_does_not_end_the_streams(
    store: EventStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stream, "_AWAY_S", 0.01)

    def fail(*_: int) -> tuple[Change, ...]:
        raise ZeroDivisionError

    async def listen() -> None:
        streams = await begun(store)
        with monkeypatch.context() as broken:
            broken.setattr(store, "changes", fail)
            lists = told(streams, 6, None, a_list, still)
            await next_of(lists)
            while not streams.store_is_away:
                await asyncio.sleep(0.01)
        store.append([an_event("a")], NOW)
        assert (await next_of(lists)).startswith("id: 1\n")
        streams.stop()

    asyncio.run(listen())
    assert caplog.text.count("Traceback") == 1


def test_a_silent_stream_gives_a_sign_of_life(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BEAT_S", 0.01)

    async def listen() -> None:
        streams = await begun(store)
        lists = told(streams, 6, None, a_list, still)
        await next_of(lists)
        assert await next_of(lists) == ": still here\n\n"
        streams.stop()

    asyncio.run(listen())


@pytest.mark.parametrize("beat_s", [0.01, 600])
def test_who_may_no_longer_listen_is_told_nothing_more(
    store: EventStore, monkeypatch: pytest.MonkeyPatch, beat_s: float
) -> None:
    """Neither at the next sign of life nor with the next list, whichever comes first."""
    monkeypatch.setattr(stream, "BEAT_S", beat_s)

    async def listen() -> None:
        streams = await begun(store)
        lists = told(streams, 6, None, a_list, lambda: False)
        assert await next_of(lists) == "id: 0\nevent: list\ndata: {}\n\n"
        if beat_s > 1:
            store.append([an_event("a")], NOW)
        with pytest.raises(StopAsyncIteration):
            await next_of(lists)
        assert streams.listening == 0
        streams.stop()

    asyncio.run(listen())


def test_one_stream_of_a_viewer_too_many_ends_their_oldest(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST", 2)

    async def listen() -> None:
        streams = await begun(store)
        other = told(streams, 7, None, a_list, still)
        first, second, *more = (told(streams, 6, None, a_list, still) for _ in range(4))
        for lists in (other, first, second, *more):
            await next_of(lists)
        for lists in (first, second):
            with pytest.raises(StopAsyncIteration):
                await next_of(lists)
        store.append([an_event("a"), an_event("b", user_id=7)], NOW)
        for lists in (other, *more):
            assert (await next_of(lists)).startswith("id: 2\n")
        streams.stop()

    asyncio.run(listen())


def test_who_leaves_is_forgotten_and_whoever_is_there_at_the_end_is_let_go(store: EventStore) -> None:
    async def listen() -> None:
        streams = await begun(store)
        gone, there = told(streams, 6, None, a_list, still), told(streams, 6, None, a_list, still)
        await next_of(gone)
        await next_of(there)
        assert streams.listening == 2
        await gone.aclose()
        assert streams.listening == 1
        streams.close_all()
        with pytest.raises(StopAsyncIteration):
            await next_of(there)
        assert streams.listening == 0
        streams.stop()

    asyncio.run(listen())
