"""What is asked and answered about a viewer's own things: their profile, tastes, history, and what they bring along."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from marquee.serve.schemas.replies import Card, Reason
from marquee.serve.schemas.requests import MOST_EVENTS, AgeGroup, Gender, Id, Text

MOST_LESS = 12  # all of a profile has to fit into the detail of one event
_NAME = 64


class _Own(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class LessOf(_Own):
    """A taste that lists shall follow less."""

    kind: Literal["genre", "decade", "person"]
    name: Annotated[Text, Field(min_length=1, max_length=_NAME)] = Field(examples=["Horror"])


class Profile(_Own):
    """What a viewer told of themselves, and what they wish of their lists; what is left out is not told."""

    name: Annotated[Text, Field(min_length=1, max_length=40, pattern=r"\S")] | None = None
    age_group: AgeGroup | None = None
    gender: Gender | None = None
    region: Annotated[Text, Field(min_length=1, max_length=_NAME)] | None = None
    age: Annotated[int, Field(strict=True, ge=0, le=150)] | None = Field(
        default=None, description="Every list holds only what its maturity mark allows at this age."
    )
    diversity: Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)] | None = Field(
        default=None, description="Of lists that are asked for without one."
    )
    less: Annotated[tuple[LessOf, ...], Field(max_length=MOST_LESS)] = ()

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Ada", "diversity": 0.3, "less": [{"kind": "genre", "name": "Horror"}]}]
        }
    )


class UndoRequest(_Own):
    event_ids: Annotated[
        tuple[Annotated[Text, Field(min_length=1, max_length=_NAME)], ...], Field(min_length=1, max_length=MOST_EVENTS)
    ]

    model_config = ConfigDict(json_schema_extra={"examples": [{"event_ids": ["tv-0193ee"]}]})


class UndoReply(_Own):
    user_id: int
    undone: int = Field(description="Events that were there and are gone.")


class MeReply(_Own):
    """Who watches in this browser."""

    user_id: int | None
    profile: Profile


class ProfileReply(_Own):
    user_id: int
    degraded: bool
    profile: Profile
    regions: tuple[str, ...] = Field(description="That the model knows.")
    marks: dict[str, int] = Field(description="From what age a maturity mark lets one watch.")


class KnownViewer(_Own):
    user_id: int
    titles: int
    genres: tuple[str, ...] = Field(description="Which they want more often than others do.")


class StartReply(_Own):
    """What there is to begin with."""

    model: str
    titles: tuple[Card, ...] = Field(description="Well known, and as different as can be.")
    viewers: tuple[KnownViewer, ...] = Field(description="Some of those that the model knows; for who may be anybody.")
    regions: tuple[str, ...]


class OwnTaste(_Own):
    kind: Literal["genre", "decade", "person"]
    name: str
    count: int = Field(description="Titles of the history that were wanted.")
    lift: float | None = Field(description="How many times as often as everybody; of people, not known.")
    less: bool


class Counted(_Own):
    of: str = Field(description="Stars, or a month.", examples=["4.5", "2026-03"])
    count: int


class TasteReply(_Own):
    user_id: int
    model: str
    known: bool
    degraded: bool
    titles: int
    rated: int
    mean_stars: float | None
    genres: tuple[OwnTaste, ...]
    decades: tuple[OwnTaste, ...]
    people: tuple[OwnTaste, ...]
    ratings: tuple[Counted, ...]
    months: tuple[Counted, ...] = Field(description="Those with any title, in their order.")
    less: tuple[LessOf, ...]


class Said(_Own):
    """Something a viewer did, or a rating that the model was trained on."""

    event_id: str | None = Field(description="By which it can be undone; a rating of the training has none.")
    kind: str
    value: float | None
    at: datetime
    source: str | None
    detail: str | None
    title: Card | None


class HistoryReply(_Own):
    user_id: int
    model: str
    degraded: bool
    entries: tuple[Said, ...] = Field(description="The newest first.")
    more: int = Field(description="How many older ones there are.")


class SavedTitle(Card):
    stars: float | None
    event_ids: tuple[str, ...]


class SavedReply(_Own):
    user_id: int
    model: str
    degraded: bool
    titles: tuple[SavedTitle, ...] = Field(description="Saved and not seen yet; the latest first.")


class OwnTitleReply(_Own):
    """A title as it is for one viewer."""

    title_id: int
    model: str
    degraded: bool
    stars: float | None = Field(description="What this viewer would give it.")
    rating: float | None = Field(description="What they gave it.")
    hidden: bool = Field(description="Seen or refused: no list has it again.")
    reason: Reason | None = Field(description="Why it would be listed; of what is hidden, none.")
    said: tuple[Said, ...]


class Candidate(_Own):
    title_id: int
    name: str
    year: int | None
    confidence: float


class Doubtful(_Own):
    """A title of the file that may be one of these, or is none of the catalogue."""

    label: str
    rows: int
    candidates: tuple[Candidate, ...]


class BroughtReply(_Own):
    """What a file tells; nothing of it is stored before that is asked for."""

    user_id: int
    format: str
    assumes: str
    rows: int
    matched: int
    doubtful: tuple[Doubtful, ...]
    unmatched: tuple[Doubtful, ...]
    skipped: dict[str, int]
    malformed: tuple[dict[str, Any], ...]
    found: tuple[Said, ...] = Field(description="The latest of what would be stored, or was.")
    events: int
    accepted: int
    duplicates: int
    event_ids: tuple[str, ...] = Field(description="Of what was stored; by them it can be undone.")


Confirmed = dict[str, Id]
