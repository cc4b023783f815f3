"""params.yaml, read once: typed, frozen, unknown keys refused.

A new number is one line in params.yaml and its field in the section here, with the range it may have; the sections
lie by subject in data, model, quality and loop. There are no defaults in code.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from marquee.errors import ParamsError
from marquee.params.data import (
    CatalogueParams,
    DemoWorldParams,
    EventParams,
    HistoryImportParams,
    SourceParams,
    WatchApiParams,
)
from marquee.params.loop import LoopParams
from marquee.params.model import (
    AlsParams,
    ArrangeParams,
    AutoencoderParams,
    BlendParams,
    ContentParams,
    ExplainParams,
    FollowingParams,
    LessonsParams,
    LikenessParams,
    PopularParams,
    RankerParams,
    SearchParams,
    SequenceParams,
    SignalParams,
    SignalsParams,
    SourcesParams,
    StarParams,
    StarsParams,
    TastesParams,
    TitleNeighboursParams,
    TrendingParams,
    ViewerNeighboursParams,
)
from marquee.params.quality import DriftParams, EvaluateParams, GateParams
from marquee.params.section import Section
from marquee.params.spark import SparkParams

__all__ = [
    "AlsParams",
    "ArrangeParams",
    "AutoencoderParams",
    "BlendParams",
    "CatalogueParams",
    "ContentParams",
    "DemoWorldParams",
    "DriftParams",
    "EvaluateParams",
    "EventParams",
    "ExplainParams",
    "FollowingParams",
    "GateParams",
    "HistoryImportParams",
    "LessonsParams",
    "LikenessParams",
    "LoopParams",
    "Params",
    "PopularParams",
    "RankerParams",
    "Recipe",
    "SearchParams",
    "SequenceParams",
    "SignalParams",
    "SignalsParams",
    "SourceParams",
    "SourcesParams",
    "SparkParams",
    "StarParams",
    "StarsParams",
    "TastesParams",
    "TitleNeighboursParams",
    "TrendingParams",
    "ViewerNeighboursParams",
    "WatchApiParams",
    "read_params",
]


class Recipe(Section):
    """What a model is made by, and asked with; it is saved with the model."""

    source: SourceParams
    catalogue: CatalogueParams
    events: EventParams
    watch_api: WatchApiParams
    history_import: HistoryImportParams
    seed: int = Field(ge=0, le=2**31 - 1)
    viewers: int = Field(ge=1, le=100_000_000)
    signals: SignalsParams
    star: StarParams
    sources: SourcesParams
    lessons: LessonsParams
    ranker: RankerParams
    arrange: ArrangeParams
    evaluate: EvaluateParams
    gate: GateParams
    drift: DriftParams
    explain: ExplainParams
    stars: StarsParams
    search: SearchParams
    demo_world: DemoWorldParams


class Params(Recipe):
    """All of params.yaml: also when and where things happen, which makes no other model."""

    engine: Literal["here", "spark"]
    spark: SparkParams
    loop: LoopParams


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
