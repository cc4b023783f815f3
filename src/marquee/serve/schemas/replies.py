"""Replies: what the service answers. A reply that lists titles names the model that it comes from.

`model_dump_json` writes one in microseconds; what is None in it is not known.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from marquee.serve.schemas.requests import Shelf


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class Card(_Reply):
    """A title as it stands on a shelf."""

    title_id: int
    name: str
    year: int | None
    kind: str | None
    genres: tuple[str, ...]
    maturity: str | None
    artwork: str | None = Field(description="An address of a picture, or two colours to draw one with.")


class Carrier(_Reply):
    """A title of the viewer's history that speaks for another one."""

    title_id: int
    name: str
    share: float = Field(description="Of all that speaks for it.")


class Reason(_Reply):
    sentence: str = Field(examples=["Because you gave Protocol Point 5 stars"])
    carriers: tuple[Carrier, ...] = Field(description="The largest shares first.")
    raised: tuple[str, ...] = Field(description="What raised its score most, in words.")


class ListedTitle(Card):
    rank: int = Field(description="1 is the best.")
    score: float | None = Field(description="Comparable within this list alone; none for a title that fills it up.")
    stars: float | None = Field(description="What this viewer would give it.")
    reason: Reason | None = None


class ListReply(_Reply):
    list_id: str = Field(description="Names this list in the `shown` events.")
    user_id: int
    model: str = Field(description="The version of the model that made all of this list.")
    at: datetime
    known: bool = Field(description="False for a viewer of whom nothing is known: what is popular is listed.")
    degraded: bool = Field(description="True if the event store was away: the list knows no events.")
    titles: tuple[ListedTitle, ...]


class ShelfReply(_Reply):
    shelf: Shelf
    heading: str
    list_id: str
    titles: tuple[ListedTitle, ...]


class PageReply(_Reply):
    user_id: int
    model: str
    at: datetime
    known: bool
    degraded: bool
    shelves: tuple[ShelfReply, ...] = Field(description="In their order; none is empty, and no title is on two.")


class Refused(_Reply):
    index: int = Field(description="Its place in the request, from 0.")
    event_id: str | None
    reason: str


class EventsReply(_Reply):
    accepted: int
    duplicates: int = Field(description="Known already, word for word: counted once. Or taken back.")
    refused: tuple[Refused, ...]


class FinishedReply(_Reply):
    events: EventsReply
    next: ListReply


class SimilarTitle(Card):
    rank: int
    score: float = Field(description="1 is the same.")


class SimilarReply(_Reply):
    title_id: int
    model: str
    titles: tuple[SimilarTitle, ...]


class StarsOfTitle(_Reply):
    title_id: int
    stars: float | None = Field(description="None for a title that the model does not know.")


class StarsReply(_Reply):
    user_id: int
    model: str
    degraded: bool
    stars: tuple[StarsOfTitle, ...] = Field(description="In the order asked for.")


class FoundTitle(Card):
    rank: int
    score: float = Field(description="How well it matches.")
    stars: float | None


class SearchReply(_Reply):
    query: str
    model: str
    degraded: bool
    titles: tuple[FoundTitle, ...]


class TitleReply(Card):
    model: str
    cast: tuple[str, ...]
    directors: tuple[str, ...]
    countries: tuple[str, ...]
    keywords: tuple[str, ...]
    description: str | None
    mean_stars: float | None = Field(description="Of all viewers; of few, nearer to the mean of all titles.")
    first_at: datetime | None = Field(description="When it was watched first, as far as the model knows.")


class Taste(_Reply):
    genre: str
    count: int
    lift: float = Field(description="How many times as often as everybody watches it.")


class Era(_Reply):
    decade: int = Field(examples=[1990])
    count: int


class RecentTitle(Card):
    at: datetime
    rating: float | None
    strength: float = Field(description="Above 0: wanted; below: not.")


class ViewerReply(_Reply):
    """A viewer as the model sees them."""

    user_id: int
    model: str
    known: bool
    degraded: bool
    titles: int = Field(description="Of their history.")
    rated: int
    events: int = Field(description="In the event store, without what was only shown.")
    mean_stars: float | None
    first_at: datetime | None
    last_at: datetime | None
    genres: tuple[Taste, ...]
    eras: tuple[Era, ...]
    recent: tuple[RecentTitle, ...] = Field(description="The newest first.")
    age_group: str | None
    gender: str | None
    region: str | None


class ExportReply(_Reply):
    """Everything that is kept of a viewer."""

    user_id: int
    events: tuple[dict[str, Any], ...]
    learnt: tuple[dict[str, Any], ...] = Field(description="What the served model was trained on.")


class ForgetReply(_Reply):
    user_id: int
    events: int = Field(description="Deleted.")


class SignUpReply(_Reply):
    user_id: int
    next: ListReply


class ModelReply(_Reply):
    version: str
    fingerprint: str
    since: datetime = Field(description="When this process began to serve it.")
    until: datetime = Field(description="The latest moment that it was trained on.")
    viewers: int
    titles: int
    trained_on: dict[str, Any]
