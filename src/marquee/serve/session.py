"""Sessions of the page: who watches in this browser, chosen, signed up or left; and what a browser may be shown."""

from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from marquee.errors import AccessError
from marquee.serve import schemas as s
from marquee.serve.access import EVERYTHING, Caller
from marquee.serve.cookies import KEY, STAYS, VIEWER, drop, keep, refuse_elsewhere
from marquee.serve.endpoints import Owner, Reader, Writer, as_json, replies, worker_of
from marquee.serve.page import ARTWORK
from marquee.serve.worker import now

routes = APIRouter(prefix="/page", tags=["the page"])
_AT_MOST = timedelta(days=365)  # from the choice of a viewer until one has to choose anew
_OF_PAGE = ConfigDict(frozen=True, extra="forbid")


class Choice(BaseModel):
    user_id: s.Id = Field(examples=[6183])

    model_config = _OF_PAGE


class Key(BaseModel):
    key: str = Field(min_length=1, max_length=200, description="An API key of scope admin.", examples=["mq_…"])

    model_config = _OF_PAGE


class Pictures(BaseModel):
    from_elsewhere: bool = Field(description="Whether pictures of other addresses are loaded.", examples=[True])

    model_config = _OF_PAGE


@routes.get("/me", **replies(s.MeReply))
async def me(request: Request) -> Response:
    """Who watches in this browser; where they were chosen here, asking stays them longer, a year at most."""
    viewer = _viewer_of(request)
    if viewer is None or viewer.user_id is None:
        return as_json({"user_id": None, "profile": {}})
    if viewer.session_began is None:
        return await _told(request, viewer.user_id)
    return await _as(request, viewer.user_id, viewer.session_began)


@routes.post("/session", **replies(s.MeReply))
async def choose(asked: Choice, request: Request, caller: Owner) -> Response:
    """Watch as this viewer: anybody, for who may do everything; oneself, with a viewer's token."""
    caller.require_viewer(asked.user_id)
    return await _as(request, asked.user_id, caller.session_began or now())


@routes.delete("/session", **replies(s.MeReply))
async def leave(request: Request) -> Response:
    refuse_elsewhere(request)
    response = as_json({"user_id": None, "profile": {}})
    drop(response, VIEWER)
    return response


@routes.post("/sign_up", **replies(s.MeReply))
async def sign_up(asked: s.SignUpRequest, request: Request, caller: Writer) -> Response:
    """A new viewer, who watches in this browser."""
    caller.require_nobody()
    worker = worker_of(request)
    reply = await worker.write(worker.answers.sign_up, asked, now())
    return await _as(request, reply.user_id, now())


@routes.get("/start", **replies(s.StartReply))
async def start(request: Request, caller: Reader) -> Response:
    """What there is to begin with."""
    worker = worker_of(request)
    anybody = caller.user_id is None and caller.scopes >= EVERYTHING
    reply = await worker.read(worker.answers.start, anybody)
    return Response(reply.model_dump_json(), media_type="application/json")


@routes.post("/key", status_code=204)
async def key(asked: Key, request: Request) -> Response:
    """Operate from this browser."""
    refuse_elsewhere(request)
    caller = worker_of(request).access.caller(asked.key, None)
    caller.require("admin")
    caller.require_nobody()
    response = Response(status_code=204)
    keep(request, response, KEY, asked.key)
    return response


@routes.delete("/key", status_code=204)
async def without_key(request: Request) -> Response:
    refuse_elsewhere(request)
    response = Response(status_code=204)
    drop(response, KEY)
    return response


@routes.put("/pictures", status_code=204)
async def pictures(asked: Pictures, request: Request) -> Response:
    """Whether this browser loads pictures of other addresses."""
    refuse_elsewhere(request)
    response = Response(status_code=204)
    if asked.from_elsewhere:
        keep(request, response, ARTWORK, "yes")
    else:
        drop(response, ARTWORK)
    return response


def _viewer_of(request: Request) -> Caller | None:
    """None of no cookie, or of one that holds no more."""
    token = request.cookies.get(VIEWER)
    try:
        return worker_of(request).tokens.caller(token) if token else None
    except AccessError:
        return None


async def _as(request: Request, user_id: int, began: datetime) -> Response:
    """With a cookie anew, of a session that began then."""
    response, moment = await _told(request, user_id), now()
    valid = min(STAYS, began + _AT_MOST - moment)
    token, _ = worker_of(request).tokens.sign(user_id, moment, valid, began)
    keep(request, response, VIEWER, token)
    return response


async def _told(request: Request, user_id: int) -> Response:
    worker = worker_of(request)
    profile = (await worker.read(worker.answers.profile, user_id)).profile
    return as_json({"user_id": user_id, "profile": profile.model_dump(mode="json")})
