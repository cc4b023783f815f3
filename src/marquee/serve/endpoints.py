"""What every endpoint does: it asks who it is from, lets a thread answer, and writes the reply.

Replies are written as they are, not checked again on their way out: the types say what they hold, and tests hold them
to the OpenAPI.
"""

from collections.abc import Callable, Mapping
from math import ceil
from typing import Annotated, Any

import orjson
from fastapi import Depends, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from marquee.data.api_keys import parts_of
from marquee.errors import AccessError
from marquee.serve.access import Caller
from marquee.serve.cookies import credential_in, refuse_elsewhere, refuse_other_names
from marquee.serve.worker import Worker

VERSION_HEADER = "x-model-version"
_BEARER = HTTPBearer(auto_error=False, description="An API key (mq_...), or a viewer's token.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


def _may(scope: str) -> Any:
    async def caller(request: Request, credentials: Credentials) -> Caller:
        return caller_of(request, credential_of(request, credentials), scope)

    return Depends(caller)


def credential_of(request: Request, credentials: HTTPAuthorizationCredentials | None) -> str | None:
    """Of a program, or of a browser's cookie. None of who sent none: what cannot be read is not the same as nothing."""
    if credentials is not None:
        return credentials.credentials
    if "authorization" in request.headers:
        raise AccessError("this Authorization cannot be read; write it as `Bearer ...`, with an API key or a token")
    refuse_elsewhere(request)
    credential = credential_in(request)
    if credential is None:
        refuse_other_names(request)
    return credential


def viewers_own(token: str) -> str:
    """Of an address: whoever is on the way writes it down, and a key speaks for everybody."""
    if parts_of(token):
        raise AccessError("an API key is no part of an address; send it as `Authorization: Bearer ...`")
    return token


def who_may(request: Request, credential: str | None, scope: str) -> Caller:
    """Whoever asks, of that scope, however often."""
    caller = worker_of(request).access.caller(credential, request.client.host if request.client else None)
    caller.require(scope)
    return caller


def caller_of(request: Request, credential: str | None, scope: str) -> Caller:
    worker, caller = worker_of(request), who_may(request, credential, scope)
    if not caller.is_unlimited and (wait_s := worker.rates.wait_s(caller.name)):
        words = f"{caller.name} asks more often than {worker.settings.rate:g} times a second; wait a little"
        raise HTTPException(429, {"code": "too_many_requests", "message": words}, {"retry-after": str(ceil(wait_s))})
    return caller


Reader = Annotated[Caller, _may("read")]
Writer = Annotated[Caller, _may("write")]
Owner = Annotated[Caller, _may("admin")]  # of everything, or of their own data


async def _operates(caller: Owner) -> Caller:
    caller.require_nobody()
    return caller


Operator = Annotated[Caller, Depends(_operates)]  # of everything, and nobody's own data


def worker_of(request: Request) -> Worker:
    worker: Worker = request.app.state.worker
    return worker


async def answered(request: Request, answer: Callable[..., BaseModel], *asked: object) -> Response:
    return _as_response(*await worker_of(request).read(written, answer, *asked))


async def acted(request: Request, answer: Callable[..., BaseModel], *asked: object) -> Response:
    """An answer that waits for the store rather than for the model."""
    return _as_response(*await worker_of(request).write(written, answer, *asked))


def _as_response(body: bytes, version: str | None) -> Response:
    return Response(body, media_type="application/json", headers={VERSION_HEADER: version} if version else None)


def written(answer: Callable[..., BaseModel], *asked: object) -> tuple[bytes, str | None]:
    reply = answer(*asked)
    return reply.__pydantic_serializer__.to_json(reply), _version(reply)


def _version(reply: BaseModel) -> str | None:
    """The version that a reply comes from: its own, or of the list in it."""
    told: str | None = getattr(getattr(reply, "next", reply), "model", None)
    return told


def as_json(told: object, status: int = 200) -> Response:
    return Response(orjson.dumps(told), status, media_type="application/json")


def replies(model: type[BaseModel]) -> Mapping[str, Any]:
    return {"response_model": None, "responses": {200: {"model": model}}}
