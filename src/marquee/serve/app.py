"""The endpoints: each reads a typed request, asks who it is from, lets a thread answer, and writes the reply.

A new endpoint is one function here, its request and reply in schemas/, and one method of Answers. Replies are written
as they are, not checked again on their way out: the types say what they hold, and tests hold them to the OpenAPI.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from math import ceil
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from marquee.errors import AccessError
from marquee.serve import metrics, refusals
from marquee.serve import schemas as s
from marquee.serve.access import Caller
from marquee.serve.refusals import ErrorReply
from marquee.serve.stream import told
from marquee.serve.worker import Worker, now
from marquee.tables import ID_LIMIT

VERSION_HEADER = "x-model-version"
_LISTENED = 10  # titles of a list that a stream pushes
_BEARER = HTTPBearer(auto_error=False, description="An API key (mq_...), or a viewer's token.")
_OPEN_STREAM = {"cache-control": "no-cache", "x-accel-buffering": "no"}

routes = APIRouter()
probes = APIRouter(tags=["the service"])
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


class TokenReply(BaseModel):
    user_id: int
    token: str
    until: datetime


def create_app(worker: Worker) -> FastAPI:
    app = FastAPI(
        title="Marquee",
        description="What should a viewer watch next?",
        version="1",
        docs_url=None,
        redoc_url=None,
        responses={"4XX": {"model": ErrorReply}, "5XX": {"model": ErrorReply}},
    )
    app.include_router(routes)
    app.include_router(probes)
    refusals.install(app)
    app.state.worker = worker
    app.openapi_schema = _exact(app.openapi())
    return app


def _exact(told: Any) -> Any:
    """The OpenAPI with ids as large as they may be: FastAPI makes floats of limits, and rounds the largest one up."""
    if isinstance(told, dict):
        return {key: _exact(value) for key, value in told.items()}
    if isinstance(told, list):
        return [_exact(value) for value in told]
    return ID_LIMIT if told == float(ID_LIMIT) else told


def _may(scope: str) -> Any:
    async def caller(request: Request, credentials: Credentials) -> Caller:
        return _caller(request, _credential(request, credentials), scope)

    return Depends(caller)


def _credential(request: Request, credentials: HTTPAuthorizationCredentials | None) -> str | None:
    """None of who sent none: what cannot be read is not the same as nothing."""
    if credentials is not None:
        return credentials.credentials
    if "authorization" in request.headers:
        raise AccessError("this Authorization cannot be read; write it as `Bearer ...`, with an API key or a token")
    return None


def _caller(request: Request, credential: str | None, scope: str) -> Caller:
    worker = _worker(request)
    caller = worker.access.caller(credential, request.client.host if request.client else None)
    caller.require(scope)
    if not caller.is_unlimited and (wait_s := worker.rates.wait_s(caller.name)):
        words = f"{caller.name} asks more often than {worker.settings.rate:g} times a second; wait a little"
        raise HTTPException(429, {"code": "too_many_requests", "message": words}, {"retry-after": str(ceil(wait_s))})
    return caller


Reader = Annotated[Caller, _may("read")]
Writer = Annotated[Caller, _may("write")]
Owner = Annotated[Caller, _may("admin")]  # of everything, or of their own data


def _worker(request: Request) -> Worker:
    worker: Worker = request.app.state.worker
    return worker


async def _answer(request: Request, answer: Callable[..., BaseModel], *asked: object) -> Response:
    return _as_response(*await _worker(request).read(_written, answer, *asked))


async def _act(request: Request, answer: Callable[..., BaseModel], *asked: object) -> Response:
    """An answer that waits for the store rather than for the model."""
    return _as_response(*await _worker(request).write(_written, answer, *asked))


def _as_response(body: bytes, version: str | None) -> Response:
    return Response(body, media_type="application/json", headers={VERSION_HEADER: version} if version else None)


def _written(answer: Callable[..., BaseModel], *asked: object) -> tuple[bytes, str | None]:
    reply = answer(*asked)
    return reply.__pydantic_serializer__.to_json(reply), _version(reply)


def _version(reply: BaseModel) -> str | None:
    """The version that a reply comes from: its own, or of the list in it."""
    told: str | None = getattr(getattr(reply, "next", reply), "model", None)
    return told


def _json(told: object, status: int = 200) -> Response:
    return Response(orjson.dumps(told), status, media_type="application/json")


def _replies(model: type[BaseModel]) -> Mapping[str, Any]:
    return {"response_model": None, "responses": {200: {"model": model}}}


@routes.post("/recommend", tags=["lists"], **_replies(s.ListReply))
async def recommend(asked: s.RecommendRequest, request: Request, caller: Reader) -> Response:
    """What a viewer should watch next."""
    caller.require_viewer(asked.user_id)
    return await _answer(request, _worker(request).answers.recommend, asked, now())


@routes.post("/shelves", tags=["lists"], **_replies(s.PageReply))
async def shelves(asked: s.ShelvesRequest, request: Request, caller: Reader) -> Response:
    """A viewer's page; no title stands on two shelves."""
    caller.require_viewer(asked.user_id)
    return await _answer(request, _worker(request).answers.shelves, asked, now())


@routes.post("/finished", tags=["events"], **_replies(s.FinishedReply))
async def finished(asked: s.FinishedRequest, request: Request, caller: Writer) -> Response:
    """A title was watched to its end; what to watch next is the answer."""
    caller.require_viewer(asked.user_id)
    return await _act(request, _counted(_worker(request).answers.finished), asked, now())


@routes.post("/events", tags=["events"], **_replies(s.EventsReply))
async def events(asked: s.EventsRequest, request: Request, caller: Writer) -> Response:
    """What viewers did. What is accepted is on the disk when this answers."""
    if caller.user_id is not None:
        for event in asked.events:
            caller.require_viewer(event.get("user_id") if isinstance(event, Mapping) else None)
    return await _act(request, _counted(_worker(request).answers.events), asked, now())


def _counted(answer: Callable[..., BaseModel]) -> Callable[..., BaseModel]:
    def counted(*asked: object) -> BaseModel:
        reply = answer(*asked)
        of = reply.events if isinstance(reply, s.FinishedReply) else reply
        assert isinstance(of, s.EventsReply)
        for outcome, count in (("accepted", of.accepted), ("duplicate", of.duplicates), ("refused", len(of.refused))):
            metrics.EVENTS.labels(outcome).inc(count)
        return reply

    return counted


@routes.post("/similar", tags=["titles"], **_replies(s.SimilarReply))
async def similar(asked: s.SimilarRequest, request: Request, caller: Reader) -> Response:
    """Titles like this one."""
    caller.require_viewer(asked.user_id)
    return await _answer(request, _worker(request).answers.similar, asked, now())


@routes.post("/stars", tags=["titles"], **_replies(s.StarsReply))
async def stars(asked: s.StarsRequest, request: Request, caller: Reader) -> Response:
    """The stars that a viewer would give."""
    caller.require_viewer(asked.user_id)
    return await _answer(request, _worker(request).answers.stars, asked, now())


@routes.post("/search", tags=["titles"], **_replies(s.SearchReply))
async def search(asked: s.SearchRequest, request: Request, caller: Reader) -> Response:
    """Titles found as one types."""
    caller.require_viewer(asked.user_id)
    return await _answer(request, _worker(request).answers.search, asked, now())


@routes.get("/titles/{title_id}", tags=["titles"], **_replies(s.TitleReply))
async def title(title_id: s.PathId, request: Request, caller: Reader) -> Response:  # noqa: ARG001
    """Everything known of a title."""
    return await _answer(request, _worker(request).answers.title, title_id, now())


@routes.post("/sign_up", tags=["viewers"], **_replies(s.SignUpReply))
async def sign_up(asked: s.SignUpRequest, request: Request, caller: Writer) -> Response:
    """A new viewer, with a first list."""
    caller.require_nobody()
    return await _act(request, _worker(request).answers.sign_up, asked, now())


@routes.get("/viewers/{user_id}", tags=["viewers"], **_replies(s.ViewerReply))
async def viewer(user_id: s.PathId, request: Request, caller: Reader) -> Response:
    """A viewer as the model sees them."""
    caller.require_viewer(user_id)
    return await _answer(request, _worker(request).answers.viewer, user_id, now())


@routes.get("/viewers/{user_id}/export", tags=["viewers"], **_replies(s.ExportReply))
async def export(user_id: s.PathId, request: Request, caller: Owner) -> Response:
    """Everything that is kept of a viewer."""
    caller.require_viewer(user_id)
    return await _act(request, _worker(request).answers.export, user_id, now())


@routes.delete("/viewers/{user_id}", tags=["viewers"], **_replies(s.ForgetReply))
async def forget(user_id: s.PathId, request: Request, caller: Owner) -> Response:
    """Deletes what a viewer did, for good."""
    caller.require_viewer(user_id)
    return await _act(request, _worker(request).answers.forget, user_id, now())


@routes.post("/viewers/{user_id}/token", tags=["viewers"], **_replies(TokenReply))
async def token(user_id: s.PathId, request: Request, caller: Owner) -> Response:
    """A signed token, for a viewer's own page."""
    caller.require_nobody()
    signed, until = _worker(request).tokens.sign(user_id, now())
    return _json({"user_id": user_id, "token": signed, "until": until})


@routes.get("/viewers/{user_id}/stream", tags=["viewers"], response_class=StreamingResponse)
async def stream(
    user_id: s.PathId,
    request: Request,
    credentials: Credentials,
    token: Annotated[str | None, Query(description="Where no header can be sent, as in a browser.")] = None,
    last_event_id: Annotated[int | None, Header(description="The id of the last list that was received.")] = None,
) -> Response:
    """Server-sent events: the viewer's list now, and anew after each event of theirs."""
    caller = _caller(request, _credential(request, credentials) or token, "read")
    caller.require_viewer(user_id)
    worker = _worker(request)
    worker.live.served()
    asked = s.RecommendRequest(user_id=user_id, k=_LISTENED, explain=True)

    async def listed() -> bytes:
        body, _ = await worker.read(_written, worker.answers.recommend, asked, now())
        return body

    lists = told(worker.streams, user_id, last_event_id, listed)
    return StreamingResponse(lists, media_type="text/event-stream", headers=_OPEN_STREAM)


@probes.get("/model", **_replies(s.ModelReply))
async def model(request: Request, caller: Reader) -> Response:  # noqa: ARG001
    """What this worker serves, and since when."""
    worker = _worker(request)
    return await _answer(request, worker.answers.model)


@probes.get("/readyz", responses={503: {"description": "There is no model to answer from."}})
async def readyz(request: Request) -> Response:
    """200 while lists can be answered; what is away is named."""
    worker = _worker(request)
    told = {"ready": worker.live.is_ready, "degraded": [what for what, is_so in worker.faults().items() if is_so]}
    return _json(told, 200 if worker.live.is_ready else 503)


@probes.get("/metrics", include_in_schema=False)
async def prometheus(request: Request) -> Response:
    _worker(request).measure()
    return Response(metrics.told(), media_type=metrics.CONTENT_TYPE)


@probes.get("/docs.json", include_in_schema=False)
async def docs(request: Request) -> Response:
    """Where BentoML's page looks for it."""
    return _json(request.app.openapi())
