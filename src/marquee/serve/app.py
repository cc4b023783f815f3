"""The endpoints: each reads a typed request, asks who it is from, lets a thread answer, and writes the reply.

A new endpoint is one function here, its request and reply in schemas/, and one method of Answers; what all of them do
is in endpoints.py.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from marquee.errors import AccessError, ForbiddenError
from marquee.serve import metrics, operating, own, refusals, session, tracing
from marquee.serve import schemas as s
from marquee.serve.endpoints import (
    Credentials,
    Owner,
    Reader,
    Writer,
    acted,
    answered,
    as_json,
    caller_of,
    credential_of,
    replies,
    viewers_own,
    who_may,
    worker_of,
    written,
)
from marquee.serve.page import page_routes
from marquee.serve.refusals import ErrorReply
from marquee.serve.stream import told
from marquee.serve.worker import Worker, now
from marquee.tables import ID_LIMIT

_LISTENED = 10  # titles of a list that a stream pushes
_OPEN_STREAM = {"cache-control": "no-cache", "x-accel-buffering": "no"}

routes = APIRouter()
probes = APIRouter(tags=["the service"])


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
        telemetry={"exclude": tracing.is_probe, "metrics": False, "logs": False},
    )
    app.include_router(routes)
    app.include_router(probes)
    app.include_router(operating.routes)
    app.include_router(own.routes)
    app.include_router(session.routes)
    app.include_router(page_routes())
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


@routes.post("/recommend", tags=["lists"], **replies(s.ListReply))
async def recommend(asked: s.RecommendRequest, request: Request, caller: Reader) -> Response:
    """What a viewer should watch next."""
    caller.require_viewer(asked.user_id)
    return await answered(request, worker_of(request).answers.recommend, asked, now())


@routes.post("/shelves", tags=["lists"], **replies(s.PageReply))
async def shelves(asked: s.ShelvesRequest, request: Request, caller: Reader) -> Response:
    """A viewer's page; no title stands on two shelves."""
    caller.require_viewer(asked.user_id)
    return await answered(request, worker_of(request).answers.shelves, asked, now())


@routes.post("/finished", tags=["events"], **replies(s.FinishedReply))
async def finished(asked: s.FinishedRequest, request: Request, caller: Writer) -> Response:
    """A title was watched to its end; what to watch next is the answer."""
    caller.require_viewer(asked.user_id)
    return await acted(request, _counted(worker_of(request).answers.finished), asked, now())


@routes.post("/events", tags=["events"], **replies(s.EventsReply))
async def events(asked: s.EventsRequest, request: Request, caller: Writer) -> Response:
    """What viewers did. What is accepted is on the disk when this answers."""
    if caller.user_id is not None:
        for event in asked.events:
            caller.require_viewer(event.get("user_id") if isinstance(event, Mapping) else None)
    return await acted(request, _counted(worker_of(request).answers.events), asked, now())


def _counted(answer: Callable[..., BaseModel]) -> Callable[..., BaseModel]:
    def counted(*asked: object) -> BaseModel:
        reply = answer(*asked)
        of = reply.events if isinstance(reply, s.FinishedReply) else reply
        assert isinstance(of, s.EventsReply)
        for outcome, count in (("accepted", of.accepted), ("duplicate", of.duplicates), ("refused", len(of.refused))):
            metrics.EVENTS.labels(outcome).inc(count)
        for refused in of.refused:
            metrics.REFUSALS.labels(refused.reason).inc()
        return reply

    return counted


@routes.post("/similar", tags=["titles"], **replies(s.SimilarReply))
async def similar(asked: s.SimilarRequest, request: Request, caller: Reader) -> Response:
    """Titles like this one."""
    caller.require_viewer(asked.user_id)
    return await answered(request, worker_of(request).answers.similar, asked, now())


@routes.post("/stars", tags=["titles"], **replies(s.StarsReply))
async def stars(asked: s.StarsRequest, request: Request, caller: Reader) -> Response:
    """The stars that a viewer would give."""
    caller.require_viewer(asked.user_id)
    return await answered(request, worker_of(request).answers.stars, asked, now())


@routes.post("/search", tags=["titles"], **replies(s.SearchReply))
async def search(asked: s.SearchRequest, request: Request, caller: Reader) -> Response:
    """Titles found as one types."""
    caller.require_viewer(asked.user_id)
    return await answered(request, worker_of(request).answers.search, asked, now())


@routes.get("/titles/{title_id}", tags=["titles"], **replies(s.TitleReply))
async def title(title_id: s.PathId, request: Request, caller: Reader) -> Response:  # noqa: ARG001
    """Everything known of a title."""
    return await answered(request, worker_of(request).answers.title, title_id, now())


@routes.post("/sign_up", tags=["viewers"], **replies(s.SignUpReply))
async def sign_up(asked: s.SignUpRequest, request: Request, caller: Writer) -> Response:
    """A new viewer, with a first list."""
    caller.require_nobody()
    return await acted(request, worker_of(request).answers.sign_up, asked, now())


@routes.get("/viewers/{user_id}", tags=["viewers"], **replies(s.ViewerReply))
async def viewer(user_id: s.PathId, request: Request, caller: Reader) -> Response:
    """A viewer as the model sees them."""
    caller.require_viewer(user_id)
    return await answered(request, worker_of(request).answers.viewer, user_id, now())


@routes.get("/viewers/{user_id}/export", tags=["viewers"], **replies(s.ExportReply))
async def export(user_id: s.PathId, request: Request, caller: Owner) -> Response:
    """Everything that is kept of a viewer."""
    caller.require_viewer(user_id)
    return await acted(request, worker_of(request).answers.export, user_id, now())


@routes.delete("/viewers/{user_id}", tags=["viewers"], **replies(s.ForgetReply))
async def forget(user_id: s.PathId, request: Request, caller: Owner) -> Response:
    """Deletes what a viewer did, for good."""
    caller.require_viewer(user_id)
    return await acted(request, worker_of(request).answers.forget, user_id, now())


@routes.post("/viewers/{user_id}/token", tags=["viewers"], **replies(TokenReply))
async def token(user_id: s.PathId, request: Request, caller: Owner) -> Response:
    """A signed token, for a viewer's own page."""
    caller.require_nobody()
    signed, until = worker_of(request).tokens.sign(user_id, now())
    return as_json({"user_id": user_id, "token": signed, "until": until})


@routes.get("/viewers/{user_id}/stream", tags=["viewers"], response_class=StreamingResponse)
async def stream(
    user_id: s.PathId,
    request: Request,
    credentials: Credentials,
    token: Annotated[
        str | None,
        Query(description="A viewer's, where no header can be sent, as in a browser. No API key counts here."),
    ] = None,
    last_event_id: Annotated[int | None, Header(description="The id of the last list that was received.")] = None,
) -> Response:
    """Server-sent events: the viewer's list now, and anew after each event of theirs. One stream of a viewer too many
    ends their oldest.
    """
    credential = viewers_own(token) if token and not credentials else credential_of(request, credentials)
    caller = caller_of(request, credential, "read")
    caller.require_viewer(user_id)
    worker = worker_of(request)
    worker.live.served()
    asked = s.RecommendRequest(user_id=user_id, k=_LISTENED, explain=True)

    async def listed() -> bytes:
        body, _ = await worker.push(written, worker.answers.recommend, asked, now())
        return body

    lists = told(worker.streams, user_id, last_event_id, listed, partial(_may_read, request, credential))
    return StreamingResponse(lists, media_type="text/event-stream", headers=_OPEN_STREAM)


def _may_read(request: Request, credential: str | None) -> bool:
    """Still: keys are revoked, and tokens expire."""
    try:
        who_may(request, credential, "read")
    except (AccessError, ForbiddenError):
        return False
    return True


@probes.get("/model", **replies(s.ModelReply))
async def model(request: Request, caller: Reader) -> Response:  # noqa: ARG001
    """What this worker serves, and since when."""
    worker = worker_of(request)
    return await answered(request, worker.answers.model)


@probes.get("/livez", include_in_schema=False)
@probes.get("/healthz", include_in_schema=False)
async def livez() -> Response:
    """200 while this process answers at all."""
    return Response("\n", media_type="text/plain")


class ReadyReply(BaseModel):
    ready: bool
    version: str | None = Field(description="Of the model that answers.", examples=["7"])
    degraded: list[str] = Field(
        description="What is away or broken: registry, champion, store; or shown, while what was shown is lost.",
        examples=[[]],
    )


@probes.get(
    "/readyz",
    response_model=None,
    responses={200: {"model": ReadyReply}, 503: {"model": ReadyReply, "description": "No model to answer from."}},
)
async def readyz(request: Request) -> Response:
    """200 while lists can be answered; what is away is named."""
    worker = worker_of(request)
    version = worker.live.version
    degraded = [what for what, is_so in worker.faults().items() if is_so]
    return as_json(
        {"ready": version is not None, "version": version, "degraded": degraded}, 503 if version is None else 200
    )


@probes.get("/metrics", include_in_schema=False)
async def prometheus(request: Request) -> Response:
    worker_of(request).measure()
    return Response(metrics.told(), media_type=metrics.CONTENT_TYPE)


@probes.get("/docs.json", include_in_schema=False)
async def docs(request: Request) -> Response:
    """Where BentoML's page looks for it."""
    return as_json(request.app.openapi())
