"""The endpoints of a viewer's own things, for the page and for any app: profile, tastes, history, undoing, bringing."""

import json
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response, UploadFile
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from marquee.errors import RequestError
from marquee.serve import schemas as s
from marquee.serve.answers.bringing import Brought
from marquee.serve.endpoints import Owner, Reader, Writer, acted, answered, replies, worker_of
from marquee.serve.worker import now

_CONFIRMED = TypeAdapter(s.Confirmed)
_AT_ONCE = 200

_MULTIPART = Form(media_type="multipart/form-data")


class Bring(BaseModel):
    file: UploadFile = Field(description="An export of Netflix, Letterboxd, IMDb or Trakt.")
    profile: str | None = Field(
        default=None, max_length=200, description="Whose, where the file holds several.", examples=["Ada"]
    )
    confirmed: str = Field(
        default="{}", description="JSON: of doubtful titles, label to title_id.", examples=['{"Fargo": 17}']
    )
    store: bool = Field(default=False, description="Only then anything is stored.")


routes = APIRouter(prefix="/viewers/{user_id}", tags=["a viewer's own"])


@routes.get("/profile", **replies(s.ProfileReply))
async def profile(user_id: s.PathId, request: Request, caller: Reader) -> Response:
    """What a viewer told of themselves and wishes of their lists."""
    caller.require_viewer(user_id)
    return await answered(request, worker_of(request).answers.profile, user_id)


@routes.put("/profile", **replies(s.ProfileReply))
async def tell(user_id: s.PathId, asked: s.Profile, request: Request, caller: Writer) -> Response:
    """In the place of all that they told before. Every list of theirs follows at once."""
    caller.require_viewer(user_id)
    return await acted(request, worker_of(request).answers.tell, user_id, asked, now())


@routes.get("/taste", **replies(s.TasteReply))
async def taste(user_id: s.PathId, request: Request, caller: Reader) -> Response:
    """What they watch, when, and how they rate it."""
    caller.require_viewer(user_id)
    return await answered(request, worker_of(request).answers.taste, user_id)


@routes.get("/history", **replies(s.HistoryReply))
async def history(
    user_id: s.PathId,
    request: Request,
    caller: Reader,
    skip: Annotated[int, Query(ge=0, le=1_000_000, description="So many of the newest.")] = 0,
    limit: Annotated[int, Query(ge=1, le=_AT_ONCE)] = 50,
) -> Response:
    """Everything they did and rated, the newest first."""
    caller.require_viewer(user_id)
    return await answered(request, worker_of(request).answers.history, user_id, skip, limit)


@routes.post("/undo", **replies(s.UndoReply))
async def undo(user_id: s.PathId, asked: s.UndoRequest, request: Request, caller: Owner) -> Response:
    """Takes events back: they are deleted, and count in no list and no training any more, also when they are told again
    by the same ids.
    """
    caller.require_viewer(user_id)
    return await acted(request, worker_of(request).answers.undo, user_id, asked)


@routes.get("/saved", **replies(s.SavedReply))
async def saved(user_id: s.PathId, request: Request, caller: Reader) -> Response:
    """What they saved for later and have not seen since."""
    caller.require_viewer(user_id)
    return await answered(request, worker_of(request).answers.saved, user_id, now())


@routes.get("/titles/{title_id}", **replies(s.OwnTitleReply))
async def own_title(user_id: s.PathId, title_id: s.PathId, request: Request, caller: Reader) -> Response:
    """A title as it is for them: the stars to expect, why they would be shown it, what they said of it."""
    caller.require_viewer(user_id)
    return await answered(request, worker_of(request).answers.own_title, user_id, title_id, now())


@routes.post("/bring", **replies(s.BroughtReply))
async def bring(user_id: s.PathId, asked: Annotated[Bring, _MULTIPART], request: Request, caller: Writer) -> Response:
    """What a file tells of what they watched elsewhere: matched, doubtful, unmatched. Told again, it adds nothing."""
    caller.require_viewer(user_id)
    worker = worker_of(request)
    brought = Brought(user_id, await asked.file.read(), asked.profile, _confirmed(asked.confirmed), asked.store)
    return await acted(request, worker.answers.bring, brought, worker.params, now())


def _confirmed(text: str) -> s.Confirmed:
    try:
        return _CONFIRMED.validate_python(json.loads(text))
    except (ValueError, ValidationError, RecursionError):
        raise RequestError('confirmed is no JSON object such as {"Heat (1995)": 42}') from None
