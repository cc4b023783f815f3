"""The door that every request goes through, BentoML's own pages too: a name for each request, a limit of its bytes and
of its time, one shape for every refusal, and never a traceback in an answer.
"""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from fastapi import HTTPException

from marquee.serve import metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUEST_ID = "marquee.request_id"  # where it stands in the scope; BentoML has a request_id of its own there
FILES = "/bring"  # what the address of an endpoint that takes a file ends with
STREAMS = "/stream"  # and of one whose answer does not end
_GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CLOSE = (b"connection", b"close")  # what is left of a body is not read any more
_JSON = (b"application/json", b"text/event-stream")
_CODES = {
    400: ("bad_request", "this cannot be understood"),
    404: ("not_found", "there is nothing at this address; /openapi.json tells what there is"),
    405: ("method_not_allowed", "this address takes another method; /openapi.json tells which"),
    408: ("body_too_slow", "this body came too slowly; send it at once, or in several smaller requests"),
    500: ("internal", "a defect of the service; its log tells more under this request_id"),
    504: ("timeout", "this took too long; try again, or ask for less"),
}

_log = logging.getLogger("marquee.serve")


class Door:
    """A middleware; `timeout_s` ends when an answer begins, so streams may last."""

    def __init__(self, app: App, timeout_s: float, body_limit: int, file_limit: int) -> None:
        self._app, self._timeout_s, self._body_limit, self._file_limit = app, timeout_s, body_limit, file_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[REQUEST_ID] = _request_id(scope)
        if scope["method"] == "HEAD" and not scope["path"].endswith(STREAMS):
            scope = {**scope, "method": "GET"}  # the server, who knows better, sends no body
        brings_a_file = scope["path"].endswith(FILES)
        visit = _Visit(scope, receive, send, self._file_limit if brings_a_file else self._body_limit)
        try:
            await self._within_time(visit)
        except TimeoutError:
            if visit.awaits_body:
                await visit.refuse(408, headers=[_CLOSE])
            else:
                await visit.refuse(504)
        except Exception:
            _log.exception("request %s failed", scope[REQUEST_ID])
            await visit.refuse(500)
        finally:
            visit.count()

    async def _within_time(self, visit: "_Visit") -> None:
        if visit.is_too_large:
            await visit.refuse(413, *visit.too_large)
            return
        async with asyncio.timeout(self._timeout_s) as deadline:
            visit.deadline = deadline
            await self._app(visit.scope, visit.receive, visit.send)


class _Visit:
    """One request and what was said to it so far."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, body_limit: int) -> None:
        self.scope, self._receive, self._send, self._body_limit = scope, receive, send, body_limit
        self.deadline: asyncio.Timeout | None = None
        self.awaits_body = False
        self._began = time.perf_counter()
        self._took: float | None = None
        self._status = 0
        self._left = body_limit
        self._is_whole = False  # the body
        self._is_replaced = False

    @property
    def is_too_large(self) -> bool:
        length = _header(self.scope["headers"], b"content-length") or b"0"
        return length.isdigit() and int(length) > self._body_limit

    @property
    def too_large(self) -> tuple[str, str]:
        return "body_too_large", f"a request holds at most {self._body_limit:,} bytes; send several smaller ones"

    async def receive(self) -> Message:
        self.awaits_body = not self._is_whole
        message = await self._receive()
        self.awaits_body = False
        if message["type"] == "http.request":
            self._is_whole = not message.get("more_body")
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                code, words = self.too_large
                raise HTTPException(413, {"code": code, "message": words})
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.deadline is not None:
                self.deadline.reschedule(None)
            if message["status"] >= 400 and not _is_ours(message):
                self._is_replaced = True
                await self.refuse(message["status"], headers=[_allow(message)])
                return
            await self._start(message)
        elif not self._is_replaced:
            await self._send(message)

    async def refuse(self, status: int, code: str = "", words: str = "", headers: list[Any] | None = None) -> None:
        if self._status:
            return
        known = words_of(status)
        body = refusal(code or known[0], words or known[1], self.scope[REQUEST_ID])
        told = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        told += [header for header in headers or () if header]
        await self._start({"type": "http.response.start", "status": status, "headers": told})
        await self._send({"type": "http.response.body", "body": body})

    async def _start(self, message: Message) -> None:
        self._status, self._took = message["status"], time.perf_counter() - self._began
        headers = [*message.get("headers", ()), (b"x-request-id", self.scope[REQUEST_ID].encode())]
        await self._send({**message, "headers": headers})

    def count(self) -> None:
        route = getattr(self.scope.get("route"), "path", "") or "other"
        metrics.REQUESTS.labels(route, self._status).inc()
        if self._took is not None:
            metrics.SECONDS.labels(route).observe(self._took)


def refusal(code: str, message: str, request_id: str, where: str | None = None) -> bytes:
    """The one shape of everything that is not answered."""
    error = {"code": code, "message": _sendable(message), "request_id": request_id}
    return orjson.dumps({"error": error | ({"where": _sendable(where)} if where else {})})


def _sendable(text: str) -> str:
    """Half a character, as of what was asked, is no text that can be sent."""
    return text.encode("utf-8", "replace").decode()


def words_of(status: int) -> tuple[str, str]:
    """A code and a sentence for a refusal that has none of its own."""
    return _CODES.get(status, ("refused", "this was refused"))


def _request_id(scope: Scope) -> str:
    given = _header(scope["headers"], b"x-request-id")
    return given.decode() if given and _GIVEN.fullmatch(given) else secrets.token_hex(8)


def _header(headers: list[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    return next((value for key, value in headers if key == name), None)


def _is_ours(message: Message) -> bool:
    return (_header(message.get("headers", []), b"content-type") or b"").startswith(_JSON)


def _allow(message: Message) -> tuple[bytes, bytes] | None:
    allowed = _header(message.get("headers", []), b"allow")
    return (b"allow", allowed) if allowed else None
