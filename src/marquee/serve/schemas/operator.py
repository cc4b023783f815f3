"""What an operator asks, and what is answered: health, models, drift, and how one title fared for one viewer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from marquee.serve.schemas.replies import Card, ModelReply, Reason
from marquee.serve.schemas.requests import Filters, Id, Text

_WHY = 500  # characters


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Point(_Told):
    """What happened in a few seconds, in all workers; who looks at it is not counted."""

    at: datetime
    seconds: float
    requests: int
    refused: int = Field(description="Answered by a 4xx.")
    failed: int = Field(description="Answered by a 5xx.")
    p50_ms: float | None
    p99_ms: float | None
    accepted: int = Field(description="Events.")
    duplicates: int
    events_refused: int


class EndpointNow(_Told):
    endpoint: str
    requests: int
    refused: int
    failed: int
    p50_ms: float | None
    p99_ms: float | None


class RefusedFor(_Told):
    reason: str
    count: int


class EventsNow(_Told):
    position: int = Field(description="How many events were ever recorded.")
    last_at: datetime | None = Field(description="When the last one was.")
    accepted: int = Field(description="By HTTP, since the service began.")
    duplicates: int
    refused: int
    reasons: tuple[RefusedFor, ...] = Field(description="Why, the most frequent first.")


class ShownNow(_Told):
    waiting: int = Field(description="Shown titles that are not written yet, in this worker.")
    dropped: int = Field(description="Lost for want of room or time, in this worker.")


class Links(_Told):
    """Where the tools run, as far as the settings say."""

    registry: str | None
    prefect: str | None
    evidently: str | None


class MeReply(_Told):
    """As whom an operator acts, and where else there is something to look at."""

    by: str = Field(description="As the audit tells it.", examples=["operator, key 3f2a"])
    has_key: bool = Field(description="False where the service is open to whoever is on its machine.")
    links: Links


class HealthReply(_Told):
    at: datetime
    ready: bool
    degraded: tuple[str, ...] = Field(description="What is away or broken: registry, champion, store.")
    refused_version: str | None = Field(description="A champion that is not served, for it is broken.")
    serving: ModelReply | None
    events: EventsNow
    shown: ShownNow
    listening: int = Field(description="Open streams of viewers, in this worker.")
    memory_mb: float = Field(description="Of this worker, shared pages of the model included.")
    every_s: float = Field(description="Between two points.")
    points: tuple[Point, ...] = Field(description="The oldest first, a quarter of an hour at most.")
    endpoints: tuple[EndpointNow, ...] = Field(description="In that time, the busiest first.")


class VersionLine(_Told):
    version: str
    aliases: tuple[str, ...]
    registered_at: datetime
    fingerprint: str
    verdict: str | None = Field(description="In a word, as the gate said.")
    quality: float | None = Field(description="NDCG@10 of everybody, on the cut that decides.")


class ChangeLine(_Told):
    at: datetime
    version: str
    before: str | None
    by: str
    why: str


class ModelsReply(_Told):
    served: str | None = Field(description="The version that this worker answers from.")
    missing: str | None = Field(description="Why there are no versions to tell of, and what to do about it.")
    versions: tuple[VersionLine, ...] = Field(description="The newest first.")
    changes: tuple[ChangeLine, ...] = Field(description="Of champion, the newest first.")


class Measured(_Told):
    metric: str = Field(examples=["ndcg@10"])
    segment: str = Field(examples=["all viewers"])
    list: str = Field(examples=["hybrid"], description="The hybrid's lists, a source's, or the champion's then.")
    value: float


class RuleSaid(_Told):
    name: str
    passed: bool
    told: str


class VersionReply(VersionLine):
    metrics: tuple[Measured, ...]
    rules: tuple[RuleSaid, ...] = Field(description="The gate's, as they were when it was judged.")
    difference: str | None = Field(description="What its release changes, as Markdown.")
    origin: Mapping[str, str]
    stages: Mapping[str, Mapping[str, Any]] = Field(description="What each stage counted.")
    page: str | None = Field(description="Where MLflow's own pages tell of it.")
    missing: str | None = Field(description="What of this is not there, and why.")


class ChangeRequest(_Asked):
    """Who changes the champion tells which one they saw: if it is another by now, nothing happens."""

    champion: Annotated[Text, Field(min_length=1, max_length=20)] | None = Field(examples=["3"])
    why: Annotated[Text, Field(min_length=1, max_length=_WHY, pattern=r"\S")] = Field(
        description="Is kept in the audit.", examples=["clears the gate, and the difference looks right"]
    )


class ColumnDrift(_Told):
    name: str
    distance: float | None = Field(description="None where too little is known.")
    limit: float
    missing: float = Field(description="By how much the share of unknown values has changed.")
    then: int = Field(description="Known values.")
    now: int
    drifted: bool


class DriftLook(_Told):
    """What the monitor found once, and did."""

    at: datetime
    champion: str
    columns: int
    drifted: tuple[str, ...]
    largest: float | None = Field(description="The largest distance over its limit; above 1 it drifted.")
    taken: str | None = Field(description="How much of what is shown is taken, beside the version before.")
    act: str = Field(examples=["nothing", "retrain", "roll back"])
    acted: bool = Field(description="False where the monitor was to tell alone.")
    why: str
    made: tuple[VersionLine, ...] = Field(description="Versions that were registered before the next look.")
    then: tuple[ChangeLine, ...] = Field(description="Changes of champion before the next look.")


class DriftReply(_Told):
    missing: str | None = Field(description="Why there is nothing to tell of, and what to do about it.")
    looks: tuple[DriftLook, ...] = Field(description="The newest first.")
    columns: tuple[ColumnDrift, ...] = Field(description="Of the newest look, the drifted first.")
    report: bool = Field(description="Whether Evidently's page is there, at /operator/drift/report.")


class LookUpRequest(_Asked):
    user_id: Id
    title_id: Id
    filters: Filters = Filters()

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": 6183, "title_id": 17}]})


class SourceSaid(_Told):
    source: str
    words: str
    score: float | None = Field(description="None: no opinion.")
    rank: int | None = Field(description="Among all titles that this viewer may be shown.")
    proposed: bool


class FilterSaid(_Told):
    filter: str
    passed: bool
    told: str


class FeatureSaid(_Told):
    feature: str
    words: str
    value: float | None
    contribution: float = Field(description="To the score; all of them and `base` sum to it.")


class Ranks(_Told):
    """Where it stands after each step; none where it was out by then."""

    score: float
    base: float
    candidates: int
    by_score: int | None
    after_filters: int | None
    in_list: int | None = Field(description="With the diversity of params.yaml, without the slot that explores.")
    listed: int


class LookUpReply(_Told):
    user_id: int
    model: str
    known: bool
    degraded: bool
    history: int = Field(description="Titles of the viewer's history.")
    title: Card
    stars: float | None
    depth: int = Field(description="How many titles each source proposes.")
    sources: tuple[SourceSaid, ...] = Field(description="In the order of rank.")
    filters: tuple[FilterSaid, ...] = Field(description="In their order.")
    features: tuple[FeatureSaid, ...] = Field(description="The largest contributions first.")
    ranks: Ranks
    reason: Reason | None
