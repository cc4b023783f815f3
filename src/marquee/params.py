"""params.yaml, read once: typed, frozen, unknown keys refused.

A new number is one line in params.yaml and its field here, with the range it may have. There are no defaults in code.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator

from marquee.errors import ParamsError


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SourceParams(_Section):
    format: Literal["netflix_prize", "movielens", "own"]
    path: str
    rejects_share: float = Field(ge=0, le=1)


class CatalogueParams(_Section):
    metadata: str
    confidence: float = Field(ge=0, le=1)
    doubtful: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _doubtful_is_below(self) -> "CatalogueParams":
        if self.doubtful > self.confidence:
            raise ValueError(
                f"doubtful is {self.doubtful}, it must not be above confidence, which is {self.confidence}"
            )
        return self


class EventParams(_Section):
    future_tolerance_s: float = Field(ge=0, le=86_400)
    text_limit: int = Field(ge=1, le=100_000)
    batch_limit: int = Field(ge=1, le=100_000)
    partition_rows: int = Field(ge=1_000, le=100_000_000)


class WatchApiParams(_Section):
    url: str = Field(pattern=r"^https?://")
    pause_s: float = Field(ge=0, le=3_600)
    timeout_s: float = Field(gt=0, le=300)
    body_limit_bytes: int = Field(ge=100, le=1_000_000_000)
    attempts: int = Field(ge=1, le=20)
    backoff_s: float = Field(ge=0, le=60)
    backoff_limit_s: float = Field(ge=0, le=3_600)


class HistoryImportParams(_Section):
    size_limit_bytes: int = Field(ge=1, le=10_000_000_000)
    glance_s: float = Field(ge=0, le=3_600)
    episode_s: float = Field(ge=0, le=36_000)
    movie_s: float = Field(ge=0, le=36_000)


class DemoWorldParams(_Section):
    seed: int = Field(ge=0, le=2**32 - 1)
    viewers: int = Field(ge=10, le=10_000_000)
    titles: int = Field(ge=20, le=20_000)
    ratings: int = Field(ge=100, le=1_000_000_000)


class SignalParams(_Section):
    strength: float = Field(ge=-10, le=10)
    label: float = Field(ge=0, le=10)
    hides: bool


class SignalsParams(_Section):
    watch_started: SignalParams
    watch_progress: SignalParams
    watch_finished: SignalParams
    paused: SignalParams
    rewound: SignalParams
    rewatched: SignalParams
    abandoned: SignalParams
    rated: SignalParams
    liked: SignalParams
    disliked: SignalParams
    not_interested: SignalParams
    saved: SignalParams
    searched: SignalParams
    opened: SignalParams
    shown: SignalParams


class StarParams(_Section):
    strength: float = Field(ge=0, le=1)
    label: float = Field(ge=0, le=1)


class AlsParams(_Section):
    factors: int = Field(ge=1, le=1024)
    iterations: int = Field(ge=1, le=100)
    regularization: float = Field(ge=0, le=1_000)
    alpha: float = Field(gt=0, le=1_000)


class AutoencoderParams(_Section):
    regularization: float = Field(gt=0, le=1_000_000)
    support: int = Field(ge=1, le=10_000)


class FollowingParams(_Section):
    fade: float = Field(gt=0, lt=1)
    backward: float = Field(ge=0, le=1)
    shrinkage: float = Field(ge=0, le=10_000)
    keep: int = Field(ge=1, le=100_000)


class SequenceParams(_Section):
    fade: float = Field(gt=0, lt=1)
    regularization: float = Field(gt=0, le=1_000_000)
    support: int = Field(ge=1, le=10_000)


class ContentParams(_Section):
    genres: float = Field(ge=0, le=100)
    cast: float = Field(ge=0, le=100)
    directors: float = Field(ge=0, le=100)
    keywords: float = Field(ge=0, le=100)
    description: float = Field(ge=0, le=100)
    against: float = Field(ge=0, le=10)
    terms: int = Field(ge=1, le=10_000_000)


class TitleNeighboursParams(_Section):
    nearest: int = Field(ge=1, le=10_000)
    shrinkage: float = Field(ge=0, le=10_000)
    recent: int = Field(ge=1, le=100_000)


class ViewerNeighboursParams(_Section):
    nearest: int = Field(ge=1, le=10_000)
    kept: int = Field(ge=1, le=10_000_000)
    recent: int = Field(ge=1, le=100_000)


class PopularParams(_Section):
    shrinkage: float = Field(gt=0, le=1_000_000)


class TrendingParams(_Section):
    days: float = Field(gt=0, le=3_650)


class SourcesParams(_Section):
    depth: int = Field(ge=1, le=10_000)
    recent: int = Field(ge=1, le=1_000)
    als: AlsParams
    autoencoder: AutoencoderParams
    following: FollowingParams
    following_long: FollowingParams
    sequence: SequenceParams
    content: ContentParams
    title_neighbours: TitleNeighboursParams
    viewer_neighbours: ViewerNeighboursParams
    popular: PopularParams
    trending: TrendingParams


class ArrangeParams(_Section):
    diversity: float = Field(ge=0, le=1)
    exploration: float = Field(ge=0, le=1)
    slot: int = Field(ge=1, le=1_000)
    reach: int = Field(ge=1, le=10_000)
    maturity: dict[str, Annotated[int, Field(ge=0, le=21)]]


class EvaluateParams(_Section):
    seed: int = Field(ge=0, le=2**32 - 1)
    folds: int = Field(ge=1, le=5)
    draws: int = Field(ge=100, le=100_000)
    light: int = Field(ge=1, le=100_000)
    heavy: int = Field(ge=1, le=100_000)
    new_title: int = Field(ge=1, le=1_000_000)
    popular: float = Field(gt=0, le=1)
    small: int = Field(ge=0, le=1_000_000)

    @model_validator(mode="after")
    def _light_is_below_heavy(self) -> "EvaluateParams":
        if self.light >= self.heavy:
            raise ValueError(f"light is {self.light}, it must be below heavy, which is {self.heavy}")
        return self


class ExplainParams(_Section):
    tries: int = Field(ge=1, le=1_000)
    named: int = Field(ge=0, le=100)
    told: int = Field(ge=0, le=1_000)
    praise: float = Field(ge=0.5, le=5)
    taste_count: int = Field(ge=1, le=1_000)
    taste_lift: float = Field(ge=1, le=100)
    popular_from: float = Field(ge=0, le=1)


class TastesParams(_Section):
    factors: int = Field(ge=1, le=256)
    directions: int = Field(ge=0, le=256)
    expectation: float = Field(gt=0, le=100_000)
    iterations: int = Field(ge=1, le=100)
    support: float = Field(gt=0, le=1_000)


class LikenessParams(_Section):
    titles: int = Field(ge=1, le=1_000)
    shrinkage: float = Field(ge=0, le=10_000)
    rows: int = Field(ge=2, le=100_000)


class BlendParams(_Section):
    rounds: int = Field(ge=1, le=20)
    hidden: float = Field(gt=0, lt=1)
    rows: int = Field(ge=1_000, le=100_000_000)
    trees: int = Field(ge=1, le=10_000)
    leaves: int = Field(ge=2, le=1_024)
    leaf_rows: int = Field(ge=1, le=100_000)
    learning_rate: float = Field(gt=0, le=1)
    regularization: float = Field(ge=0, le=10_000)
    feature_share: float = Field(gt=0, le=1)
    row_share: float = Field(gt=0, le=1)


class StarsParams(_Section):
    tastes: TastesParams
    likeness: LikenessParams
    blend: BlendParams


class LessonsParams(_Section):
    viewers: int = Field(ge=1, le=10_000_000)
    hidden: int = Field(ge=1, le=1_000)
    steps: Annotated[tuple[int, ...], Strict(False)] = Field(min_length=1, max_length=100)
    moments: Annotated[tuple[float, ...], Strict(False)] = Field(max_length=20)
    rows: int = Field(ge=1_000, le=1_000_000_000)
    newcomers: Annotated[tuple[int, ...], Strict(False)] = Field(max_length=20)
    negatives: int = Field(ge=1, le=100_000)


class RankerParams(_Section):
    objectives: Annotated[tuple[Literal["rank_xendcg", "lambdarank", "binary"], ...], Strict(False)] = Field(
        min_length=1, max_length=10
    )
    rounds: int = Field(ge=1, le=10_000)
    learning_rate: float = Field(gt=0, le=1)
    leaves: int = Field(ge=2, le=10_000)
    leaf_rows: int = Field(ge=1, le=1_000_000)
    feature_share: float = Field(gt=0, le=1)
    row_share: float = Field(gt=0, le=1)
    regularization: float = Field(ge=0, le=1_000)
    truncation: int = Field(ge=1, le=1_000)


class Params(_Section):
    source: SourceParams
    catalogue: CatalogueParams
    events: EventParams
    watch_api: WatchApiParams
    history_import: HistoryImportParams
    seed: int = Field(ge=0, le=2**31 - 1)
    signals: SignalsParams
    star: StarParams
    sources: SourcesParams
    lessons: LessonsParams
    ranker: RankerParams
    arrange: ArrangeParams
    evaluate: EvaluateParams
    explain: ExplainParams
    stars: StarsParams
    demo_world: DemoWorldParams


def read_params(path: Path, changes: Iterable[str] = ()) -> Params:
    """The params of a file, with changes such as "source.format=movielens" laid over it."""
    try:
        tree = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; run from the project's folder or name one with --params") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(tree, dict):
        raise ParamsError(f"{path}: holds no sections; it needs {', '.join(Params.model_fields)}")
    for change in changes:
        _lay_over(tree, change)
    try:
        return Params.model_validate(tree)
    except ValidationError as error:
        raise ParamsError(f"{path}: {'; '.join(_sentence(fault) for fault in error.errors())}") from error


def _lay_over(tree: dict[str, Any], change: str) -> None:
    key, found, value = change.partition("=")
    *sections, name = key.split(".")
    if not found or not name:
        raise ParamsError(f"'{change}' is not key=value; write for example source.format=movielens")
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise ParamsError(f"'{change}': {section} is a value, not a section")
    try:
        tree[name] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ParamsError(f"'{change}': the value is not YAML") from error


def _sentence(fault: Mapping[str, Any]) -> str:
    """One fault as: the key's path, what is wrong, what would be right."""
    path = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        section = Params
        for part in fault["loc"][:-1]:
            section = section.model_fields[str(part)].annotation  # type: ignore[assignment]
        return f"{path} is not a known key; known here: {', '.join(section.model_fields)}"
    if fault["type"] == "missing":
        return f"{path} is missing{_range_of(fault['loc'])}"
    if fault["type"] == "value_error":
        return f"{path}: {fault['ctx']['error']}"
    return f"{path} is {fault['input']!r}: {fault['msg']}{_range_of(fault['loc'])}"


def _range_of(loc: tuple[Any, ...]) -> str:
    """The allowed range of a key, from its field: " (allowed: from 0 to 1)"."""
    model: Any = Params
    field = None
    for part in loc:
        field = getattr(model, "model_fields", {}).get(str(part))
        model = getattr(field, "annotation", None)
    words = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    limits = [
        f"{word} {getattr(limit, name):,}"
        for limit in (field.metadata if field else ())
        for name, word in words.items()
        if hasattr(limit, name)
    ]
    return f" (allowed: {' '.join(limits)})" if limits else ""
