"""How often a caller may ask, and how many may wait."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from threading import Event

import httpx
import pytest
from fastapi import FastAPI

from marquee.errors import CrowdedError
from marquee.serve import limits, refusals
from marquee.serve.door import Door
from marquee.serve.limits import Line, Rates


@dataclass
class Clock:
    now: float = 0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_one_request_for_each_token_that_comes_back() -> None:
    clock = Clock()
    rates = Rates(rate=10, burst=3, clock=clock)
    assert [rates.wait_s("a") for _ in range(3)] == [0, 0, 0]
    assert rates.wait_s("a") == 0.1
    clock.now = 0.1
    assert rates.wait_s("a") == 0
    assert rates.wait_s("a") > 0


def test_callers_do_not_share_their_tokens() -> None:
    rates = Rates(rate=1, burst=1, clock=Clock())
    assert rates.wait_s("a") == 0
    assert rates.wait_s("b") == 0
    assert rates.wait_s("a") == 1


def test_who_has_not_asked_for_long_is_forgotten_and_who_just_did_is_not() -> None:
    clock = Clock()
    rates = Rates(rate=1, burst=1, clock=clock)
    for number in range(limits._MOST):
        rates.wait_s(f"{number}")
    clock.now = 1
    assert rates.wait_s("new") == 0
    assert len(rates._left) == 1
    assert rates.wait_s("new") == 1


async def crowd(line: Line, opened: Event) -> list["asyncio.Task[bool]"]:
    """One who is being answered until it is opened, and two who wait."""
    crowd = [asyncio.create_task(line.answer(opened.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    return crowd


def told(asked: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(asked, 30))


def test_who_finds_the_line_full_is_refused_and_who_is_in_it_is_answered() -> None:
    async def asked() -> None:
        line, opened = Line("test", threads=1, room=2), Event()
        waiting = await crowd(line, opened)
        with pytest.raises(CrowdedError):
            line.require_room()
        opened.set()
        assert await asyncio.gather(*waiting) == [True, True, True]
        line.require_room()
        line.close()

    told(asked())


def test_who_gives_up_leaves_the_line_and_no_thread_works_for_them() -> None:
    async def asked() -> None:
        line, opened, worked = Line("test", threads=1, room=1), Event(), []
        first = asyncio.create_task(line.answer(opened.wait))
        second = asyncio.create_task(line.answer(lambda: worked.append("for nobody")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait({second})
        line.require_room()
        opened.set()
        await first
        line.close()
        assert not worked

    told(asked())


def test_however_much_is_pushed_there_is_room_for_who_asks() -> None:
    async def asked() -> None:
        line, opened = Line("test", threads=1, room=1), Event()
        pushed = [asyncio.create_task(line.push(opened.wait)) for _ in range(20)]
        await asyncio.sleep(0)
        line.require_room()
        answer = asyncio.create_task(line.answer(lambda: 7))
        pushed.pop().cancel()
        opened.set()
        assert await answer == 7
        assert all(await asyncio.gather(*pushed))
        line.close()

    told(asked())


def test_who_is_refused_is_told_when_to_come_again() -> None:
    async def asked() -> None:
        app, line, opened = FastAPI(), Line("test", threads=1, room=2), Event()
        refusals.install(app)
        app.get("/")(line.require_room)
        waiting = await crowd(line, opened)
        door = httpx.ASGITransport(Door(app, timeout_s=5, body_limit=1_000, file_limit=1_000))
        async with httpx.AsyncClient(transport=door, base_url="http://test") as client:
            answer = await client.get("/")
        opened.set()
        await asyncio.gather(*waiting)
        line.close()
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "crowded")
        assert int(answer.headers["retry-after"]) > 0

    told(asked())
