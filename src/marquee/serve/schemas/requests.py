"""Requests: what may be asked of the service, with the limit of everything that could be long."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from marquee.tables import ID_LIMIT, KINDS_OF_EVENT, RATING_RANGE

MOST_TITLES = 1_000  # in one list, and of everything else that a request may name
MOST_EVENTS = 1_000  # in one call
MOST_FAVOURITES = 100
TEXT = 200  # characters of a search
_SHORT = 64  # of a name
_LONGEST_EVENT_ID = 48  # of `finished`: its further events add to it
_UNGUESSED = 16  # characters
_AS_TOLD = "With its time zone, or in seconds or milliseconds since 1970."
_WHOLE = re.compile(r"-?[0-9]+")
_FIRST, _LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def _storable(text: str) -> str:
    """No NUL and no half of a character: neither can be stored or sent on."""
    if "\0" in text or any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        raise ValueError("holds a NUL or half a character")
    return text


def _in_digits(text: str) -> str:
    if not _WHOLE.fullmatch(text):
        raise ValueError("is no whole number in digits alone")
    return text


def _of_our_time(moment: datetime) -> datetime:
    if not _FIRST <= moment < _LAST:
        raise ValueError("is not between 1990 and 2100")
    return moment.astimezone(UTC)


Id = Annotated[int, Field(strict=True, ge=1, le=ID_LIMIT)]
PathId = Annotated[int, BeforeValidator(_in_digits), Field(ge=1, le=ID_LIMIT)]  # as text in an address
Count = Annotated[int, Field(strict=True, ge=0, le=MOST_TITLES, description="How many titles; 0 answers none.")]
Text = Annotated[str, AfterValidator(_storable)]
Moment = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
Ids = Annotated[tuple[Id, ...], Field(max_length=MOST_TITLES)]
Rating = Annotated[float, Field(strict=True, ge=RATING_RANGE[0], le=RATING_RANGE[1], allow_inf_nan=False)]
Shelf = Literal[
    "continue_watching", "top_picks", "because_you_finished", "trending", "new_for_you", "popular_in_your_genres"
]
AgeGroup = Literal["under 18", "18-24", "25-34", "35-44", "45-49", "50-55", "56+"]
Gender = Literal["female", "male", "other"]
KindOfTitle = Literal["movie", "series"]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Filters(_Request):
    """What a title must be to be listed; what is left out does not matter."""

    genres: Annotated[tuple[Annotated[Text, Field(min_length=1, max_length=_SHORT)], ...], Field(max_length=50)] = (
        Field(default=(), description="Of at least one of these.", examples=[["Dramas", "Crime"]])
    )
    first_year: Annotated[int, Field(strict=True, ge=1800, le=2200)] | None = Field(default=None, examples=[1990])
    last_year: Annotated[int, Field(strict=True, ge=1800, le=2200)] | None = Field(default=None, examples=[1999])
    kind: KindOfTitle | None = None
    age: Annotated[int, Field(strict=True, ge=0, le=150)] | None = Field(
        default=None, description="Only what its maturity mark allows at this age.", examples=[12]
    )
    region: Annotated[Text, Field(min_length=1, max_length=_SHORT)] | None = Field(
        default=None,
        description="Where the viewer is, if not where they told: some titles may be shown in some regions alone.",
        examples=["NZ"],
    )

    @model_validator(mode="after")
    def _years_are_in_order(self) -> Self:
        if self.first_year is not None and self.last_year is not None and self.first_year > self.last_year:
            raise ValueError("first_year is after last_year")
        return self


class ListRequest(_Request):
    """Whatever is answered by a list."""

    k: Count = 10
    filters: Filters = Filters()
    diversity: Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)] | None = Field(
        default=None,
        description="0: by score alone, 1: as unlike one another as can be; as in params.yaml if left out.",
    )
    exclude: Ids = Field(default=(), description="Titles not to list.")
    explain: bool = Field(default=False, strict=True, description="With a reason for each title.")
    at: Moment | None = Field(default=None, description=f"The moment that the list is for; now if left out. {_AS_TOLD}")


class RecommendRequest(ListRequest):
    user_id: Id
    shelf: Shelf | None = Field(default=None, description="Only what belongs on this shelf.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": 6183, "k": 10, "explain": True},
                {
                    "user_id": 6183,
                    "k": 5,
                    "filters": {"genres": ["Dramas"], "first_year": 1990, "age": 12},
                    "diversity": 0.3,
                    "exclude": [17, 18],
                    "at": "2026-03-01T20:15:00+01:00",
                },
            ]
        }
    )


class ShelvesRequest(ListRequest):
    user_id: Id
    k: Count = Field(default=10, description="How many titles on each shelf.")
    explain: bool = Field(default=False, strict=True, description="With a reason for each of the top picks.")
    explained: int | None = Field(
        default=None, ge=0, le=100, strict=True, description="Then only the first so many of them have one."
    )

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": 6183, "k": 10}]})


class FinishedRequest(ListRequest):
    """A title was watched to its end: it is stored, and the next list is the answer."""

    user_id: Id
    title_id: Id
    rating: Rating | None = Field(default=None, description="Stars, if the viewer gave any.")
    thumb: Literal["up", "down"] | None = None
    event_id: Annotated[Text, Field(min_length=1, max_length=_LONGEST_EVENT_ID, pattern=r"\S")] | None = Field(
        default=None, description="Sent again with the same happened_at, it counts once."
    )
    happened_at: Moment | None = Field(default=None, description=f"Now if left out. {_AS_TOLD}")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": 6183, "title_id": 17, "rating": 4.5, "k": 10},
                {
                    "user_id": 6183,
                    "title_id": 17,
                    "thumb": "up",
                    "event_id": "tv-0193f0",
                    "happened_at": "2026-03-01T22:04:11Z",
                },
            ]
        }
    )

    @model_validator(mode="after")
    def _a_retry_says_the_same(self) -> Self:
        if self.event_id is not None and self.happened_at is None:
            raise ValueError("event_id needs happened_at: sent again, an event has to say the same")
        return self


class SimilarRequest(_Request):
    title_id: Id
    user_id: Id | None = Field(default=None, description="Without what this viewer has seen or refused.")
    k: Count = 10
    filters: Filters = Filters()

    model_config = ConfigDict(json_schema_extra={"examples": [{"title_id": 17, "k": 10}]})


class StarsRequest(_Request):
    user_id: Id
    title_ids: Annotated[Ids, Field(min_length=1)]

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": 6183, "title_ids": [17, 18]}]})


class SearchRequest(_Request):
    query: Annotated[Text, Field(max_length=TEXT)] = Field(description="As far as it is typed; typos are forgiven.")
    user_id: Id | None = Field(default=None, description="Among equals, in the order of this viewer's taste.")
    k: Count = 20
    filters: Filters = Filters()

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "matrix 1999", "user_id": 6183}]})


class SignUpRequest(ListRequest):
    """Somebody new, with some favourites if they like."""

    favourites: Annotated[tuple[Id, ...], Field(max_length=MOST_FAVOURITES)] = Field(default=(), examples=[[17, 18]])
    age_group: AgeGroup | None = None
    gender: Gender | None = None
    region: Annotated[Text, Field(min_length=1, max_length=_SHORT)] | None = None
    event_id: Annotated[Text, Field(min_length=_UNGUESSED, max_length=_LONGEST_EVENT_ID)] | None = Field(
        default=None,
        description="Sent again, it is the same viewer. At random: whoever sends it is that viewer.",
        examples=["6f1c1f0a-9a3e-4d58-9a55-2f5d8c5c6a51"],
    )

    model_config = ConfigDict(json_schema_extra={"examples": [{"favourites": [17, 18, 21], "age_group": "25-34"}]})


_EVENT = {
    "type": "object",
    "required": ["event_id", "user_id", "kind", "happened_at", "source"],
    "additionalProperties": False,
    "properties": {
        "event_id": {"type": "string", "minLength": 1, "maxLength": 64, "description": "Sent twice it counts once."},
        "user_id": {"type": "integer", "minimum": 1, "maximum": ID_LIMIT},
        "title_id": {"type": ["integer", "null"], "minimum": 1, "maximum": ID_LIMIT},
        "kind": {"type": "string", "enum": list(KINDS_OF_EVENT)},
        "value": {"type": ["number", "null"], "description": "Stars of `rated`, how far of `watch_progress`: 0 to 1."},
        "happened_at": {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer"}],
            "description": "ISO 8601 with its time zone, or milliseconds since 1970.",
        },
        "source": {"type": "string", "minLength": 1, "maxLength": 64},
        "detail": {"type": ["string", "null"]},
    },
}


class EventsRequest(_Request):
    """Each event is judged on its own: a bad one is refused with its reason, the others count."""

    events: Annotated[tuple[Annotated[Any, WithJsonSchema(_EVENT)], ...], Field(min_length=1, max_length=MOST_EVENTS)]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "events": [
                        {
                            "event_id": "tv-0193ee",
                            "user_id": 6183,
                            "title_id": 17,
                            "kind": "rated",
                            "value": 4.5,
                            "happened_at": "2026-03-01T22:04:11Z",
                            "source": "tv",
                        }
                    ]
                }
            ]
        }
    )
