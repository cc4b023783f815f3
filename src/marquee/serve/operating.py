"""The operator's endpoints, under `/operator/`: for keys with the scope `admin`, and for nobody's own data."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from marquee.serve import schemas
from marquee.serve.access import Caller
from marquee.serve.answers import operator_drift, operator_health
from marquee.serve.endpoints import Operator, acted, answered, as_json, replies, worker_of
from marquee.serve.schemas import operator as s
from marquee.serve.worker import Worker, now

_BY = "operator"
# Evidently's page holds its own scripts. In a sandbox without an origin they reach neither our page nor our endpoints.
_REPORT = {
    "content-security-policy": (
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}

routes = APIRouter(prefix="/operator", tags=["the operator"])
VersionName = Annotated[str, Path(pattern=r"^[0-9]{1,9}$", description="As the registry numbers it.")]


@routes.get("/me", **replies(s.MeReply))
async def me(request: Request, caller: Operator) -> Response:
    """As whom you act, and where the tools run."""
    settings = worker_of(request).settings
    links = s.Links(registry=settings.registry_url, prefect=settings.prefect_url, evidently=settings.evidently_url)
    reply = s.MeReply(by=_name(caller), has_key=not caller.is_unlimited, links=links)
    return as_json(reply.model_dump())


@routes.post("/search", **replies(schemas.SearchReply))
async def search(asked: schemas.SearchRequest, request: Request, caller: Operator) -> Response:  # noqa: ARG001
    """Titles found as one types, to look one up."""
    return await answered(request, worker_of(request).answers.search, asked, now())


@routes.get("/health", **replies(s.HealthReply))
async def health(request: Request, caller: Operator) -> Response:  # noqa: ARG001
    """Everything of this moment, and the last quarter of an hour as points to draw."""
    return await acted(request, operator_health.health, worker_of(request), now())


@routes.get("/models", **replies(s.ModelsReply))
async def models(request: Request, caller: Operator) -> Response:  # noqa: ARG001
    """Every version, and who became champion."""
    return await acted(request, _models, worker_of(request))


@routes.get("/models/{version}", **replies(s.VersionReply))
async def version(version: VersionName, request: Request, caller: Operator) -> Response:  # noqa: ARG001
    """What is known of one version."""
    return await acted(request, worker_of(request).models.one, version)


@routes.post("/models/{version}/promote", **replies(s.ModelsReply))
async def promote(version: VersionName, asked: s.ChangeRequest, request: Request, caller: Operator) -> Response:
    """Makes a version champion, whatever the gate said; services follow within a second or two."""
    return await acted(request, _promoted, worker_of(request), version, asked, _name(caller), now())


@routes.post("/rollback", **replies(s.ModelsReply))
async def roll_back(asked: s.ChangeRequest, request: Request, caller: Operator) -> Response:
    """Makes the champion before this one champion again."""
    return await acted(request, _rolled_back, worker_of(request), asked, _name(caller), now())


@routes.get("/drift", **replies(s.DriftReply))
async def drift(request: Request, caller: Operator) -> Response:  # noqa: ARG001
    """What the monitor found, look by look, and what came of it."""
    return await acted(request, _drift, worker_of(request))


@routes.get("/drift/report", response_class=Response, responses={200: {"content": {"text/html": {}}}})
async def report(request: Request, caller: Operator) -> Response:  # noqa: ARG001
    """Evidently's page, for a frame that keeps it apart."""
    worker = worker_of(request)
    page = await worker.write(operator_drift.report, worker.settings.state)
    return Response(page, media_type="text/html", headers=_REPORT)


@routes.post("/look_up", **replies(s.LookUpReply))
async def look_up(asked: s.LookUpRequest, request: Request, caller: Operator) -> Response:  # noqa: ARG001
    """What each step on the way to a viewer's list made of one title."""
    return await answered(request, worker_of(request).answers.look_up, asked, now())


def _models(worker: Worker) -> s.ModelsReply:
    return worker.models.all(worker.live.served().version if worker.live.is_ready else None)


def _promoted(worker: Worker, version: str, asked: s.ChangeRequest, by: str, now: datetime) -> s.ModelsReply:
    worker.models.promote(version, asked, by, now)
    return _models(worker)


def _rolled_back(worker: Worker, asked: s.ChangeRequest, by: str, now: datetime) -> s.ModelsReply:
    worker.models.roll_back(asked, by, now)
    return _models(worker)


def _drift(worker: Worker) -> s.DriftReply:
    return operator_drift.drift(worker.settings.state, _models(worker))


def _name(caller: Caller) -> str:
    """As the audit tells it."""
    return _BY if caller.is_unlimited else f"{_BY}, {caller.name}"
