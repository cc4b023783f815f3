"""The door: what it does for any app behind it."""

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from marquee.serve.door import App, Door, Receive, Scope, Send, refusal


def through(app: App, ask: Callable[[httpx.AsyncClient], object], timeout_s: float = 5) -> httpx.Response:
    async def asked() -> httpx.Response:
        door = httpx.ASGITransport(Door(app, timeout_s, body_limit=1_000, file_limit=2_000))
        async with httpx.AsyncClient(transport=door, base_url="http://test") as client:
            answer = await ask(client)  # type: ignore[misc]
            assert isinstance(answer, httpx.Response)
            return answer

    return asyncio.run(asked())


def error(answer: httpx.Response) -> dict[str, str]:
    told: dict[str, str] = answer.json()["error"]
    assert told["request_id"] == answer.headers["x-request-id"]
    return told


async def plain(_: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"well"})


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(10)
    await plain(scope, receive, send)


async def broken(_: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    raise ValueError("a secret of the inside")


async def greedy(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await plain(scope, receive, send)


async def missing(_: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"Not Found"})


def test_a_file_may_be_larger_than_other_requests() -> None:
    def sent(path: str, size: int) -> int:
        return through(greedy, lambda client: client.post(path, content=b"x" * size)).status_code

    assert [sent("/viewers/7/bring", size) for size in (1_500, 2_500)] == [200, 413]
    assert sent("/events", 1_500) == 413


def test_an_answer_goes_through_as_it_is_with_the_name_of_its_request() -> None:
    answer = through(plain, lambda client: client.get("/", headers={"x-request-id": "mine.1"}))
    assert (answer.text, answer.headers["x-request-id"]) == ("well", "mine.1")


@pytest.mark.parametrize("given", ["", "with space", "x" * 65, "a\tb"])
def test_a_name_that_is_none_is_made_up(given: str) -> None:
    answer = through(plain, lambda client: client.get("/", headers={"x-request-id": given}))
    assert answer.headers["x-request-id"] not in ("", given)


def test_an_answer_that_takes_too_long_is_a_504() -> None:
    answer = through(slow, lambda client: client.get("/"), timeout_s=0.05)
    assert answer.status_code == 504
    assert error(answer)["code"] == "timeout"


def test_a_body_that_takes_too_long_is_a_408() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(10)

    answer = through(greedy, lambda client: client.post("/", content=pieces()), timeout_s=0.05)
    assert (answer.status_code, error(answer)["code"]) == (408, "body_too_slow")
    assert answer.headers["connection"] == "close"

    async def slow_with_it(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await slow(scope, receive, send)

    answer = through(slow_with_it, lambda client: client.post("/", content=b"x"), timeout_s=0.05)
    assert answer.status_code == 504


def test_no_timer_outlives_its_answer() -> None:
    async def many() -> int:
        door = httpx.ASGITransport(Door(plain, 1_000, 1_000, 1_000))
        async with httpx.AsyncClient(transport=door, base_url="http://test") as client:
            for _ in range(50):
                await client.get("/")
        gc.collect()
        return sum(isinstance(thing, asyncio.TimerHandle) and not thing.cancelled() for thing in gc.get_objects())

    assert asyncio.run(many()) < 5


def test_a_defect_is_a_500_that_says_nothing_of_the_inside_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = through(broken, lambda client: client.get("/"))
    assert answer.status_code == 500
    assert "secret" not in answer.text
    (record,) = caplog.records
    assert error(answer)["request_id"] in record.getMessage()


def test_a_refusal_of_others_gets_the_one_shape() -> None:
    answer = through(missing, lambda client: client.get("/"))
    assert answer.status_code == 404
    assert error(answer)["code"] == "not_found"


def test_half_a_character_of_what_was_asked_can_be_told_of() -> None:
    told = json.loads(refusal("invalid_request", "no \ud800", "1", "body.\udfff"))["error"]
    assert (told["message"], told["where"]) == ("no ?", "body.?")


def test_a_body_that_says_how_large_it_is_is_refused_unread() -> None:
    answer = through(greedy, lambda client: client.post("/", content=b"x" * 1_001))
    assert answer.status_code == 413
    assert error(answer)["code"] == "body_too_large"
    assert through(greedy, lambda client: client.post("/", content=b"x" * 1_000)).status_code == 200
