"""Refusals: every error as an answer, in one shape, with its status. A new error is one line in _STATUS."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from marquee.errors import (
    AccessError,
    CrowdedError,
    ForbiddenError,
    MarqueeError,
    ModelError,
    NotFoundError,
    RequestError,
    StoreError,
)
from marquee.serve.door import REQUEST_ID, STREAMS, refusal, words_of


class Refusal(BaseModel):
    code: str = Field(examples=["invalid_request"])
    message: str = Field(description="What is wrong and what would be right.")
    request_id: str = Field(description="The one that was sent as x-request-id, or one made up here.")
    where: str | None = Field(default=None, description="The part of the request that is wrong.", examples=["body.k"])


class ErrorReply(BaseModel):
    """The one shape of everything that is not answered."""

    error: Refusal


_BEARER = {"www-authenticate": "Bearer"}
_SOON = {"retry-after": "1"}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_STATUS: Mapping[type[MarqueeError], tuple[int, str, Mapping[str, str]]] = MappingProxyType(
    {
        ForbiddenError: (403, "forbidden", {}),
        AccessError: (401, "unauthorised", _BEARER),
        NotFoundError: (404, "not_found", {}),
        RequestError: (422, "invalid_request", {}),
        CrowdedError: (503, "crowded", _SOON),
        StoreError: (503, "store_away", _SOON),
        ModelError: (503, "no_model", _SOON),
    }
)


def install(app: FastAPI) -> None:
    app.add_exception_handler(MarqueeError, _of_marquee)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)


async def _of_marquee(request: Request, error: Exception) -> Response:
    known = next((told for kind, told in _STATUS.items() if isinstance(error, kind)), None)
    if known is None:
        raise error
    status, code, headers = known
    return _refused(status, refusal(code, str(error), _id(request)), headers)


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fault = error.errors()[0]
    if fault["type"] == "json_invalid":
        where = f"byte {fault['loc'][-1]}"
        return _refused(400, refusal("bad_json", f"no JSON: {fault['ctx']['error']}", _id(request), where))
    said = request.headers.get("content-type", "none").partition(";")[0]
    if fault["loc"] == ("body",) and fault["type"] != "missing" and not said.endswith("json"):
        words = f"a body is read as JSON where `content-type: application/json` says so; of this it is {said}"
        return _refused(422, refusal("invalid_request", words, _id(request), "content-type"))
    more = f"; and {others} more" if (others := len(error.errors()) - 1) else ""
    where = ".".join(map(str, fault["loc"]))
    return _refused(422, refusal("invalid_request", f"{where}: {fault['msg']}{more}", _id(request), where))


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    told: Any = error.detail
    code, words = (told["code"], told["message"]) if isinstance(told, dict) else words_of(error.status_code)
    headers = {"allow": _allowed(request)} if error.status_code == 405 else error.headers
    return _refused(error.status_code, refusal(code, words, _id(request)), headers)


def _allowed(request: Request) -> str:
    """All methods of the address: whoever refused one knew of a single endpoint there."""
    return ", ".join(method for method in _METHODS if _takes(request, method))


def _takes(request: Request, method: str) -> bool:
    if method == "HEAD" and not request.url.path.endswith(STREAMS):
        method = "GET"  # as the door has it
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes)


def _id(request: Request) -> str:
    given: str = request.scope[REQUEST_ID]
    return given


def _refused(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status, media_type="application/json", headers=headers)
