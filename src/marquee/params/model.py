"""What the sections on the recommender hold: signals, sources, lessons, ranker, lists, reasons, stars."""

from typing import Annotated, Literal

from pydantic import Field, Strict

from marquee.params.section import Section


class SignalParams(Section):
    strength: float = Field(ge=-10, le=10)
    label: float = Field(ge=0, le=10)
    hides: bool


class SignalsParams(Section):
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
    signed_up: SignalParams


class StarParams(Section):
    strength: float = Field(ge=0, le=1)
    label: float = Field(ge=0, le=1)


class AlsParams(Section):
    factors: int = Field(ge=1, le=1024)
    iterations: int = Field(ge=1, le=100)
    regularization: float = Field(ge=0, le=1_000)
    of_title: float = Field(ge=0, le=1_000)
    alpha: float = Field(gt=0, le=1_000)


class AutoencoderParams(Section):
    regularization: float = Field(gt=0, le=1_000_000)
    support: int = Field(ge=1, le=10_000)
    most: int = Field(ge=1, le=60_000)
    keep: int = Field(ge=1, le=60_000)


class FollowingParams(Section):
    fade: float = Field(gt=0, lt=1)
    backward: float = Field(ge=0, le=1)
    shrinkage: float = Field(ge=0, le=10_000)
    keep: int = Field(ge=1, le=100_000)


class SequenceParams(Section):
    fade: float = Field(gt=0, lt=1)
    regularization: float = Field(gt=0, le=1_000_000)
    support: int = Field(ge=1, le=10_000)
    most: int = Field(ge=1, le=60_000)
    keep: int = Field(ge=1, le=60_000)


class ContentParams(Section):
    genres: float = Field(ge=0, le=100)
    cast: float = Field(ge=0, le=100)
    directors: float = Field(ge=0, le=100)
    keywords: float = Field(ge=0, le=100)
    description: float = Field(ge=0, le=100)
    against: float = Field(ge=0, le=10)
    terms: int = Field(ge=1, le=10_000_000)


class TitleNeighboursParams(Section):
    nearest: int = Field(ge=1, le=10_000)
    shrinkage: float = Field(ge=0, le=10_000)
    recent: int = Field(ge=1, le=100_000)


class ViewerNeighboursParams(Section):
    nearest: int = Field(ge=1, le=10_000)
    kept: int = Field(ge=1, le=10_000_000)
    fade: float = Field(gt=0, lt=1)
    closeness: float = Field(gt=0, lt=1)
    before: float = Field(ge=0, le=1)


class PopularParams(Section):
    shrinkage: float = Field(gt=0, le=1_000_000)


class TrendingParams(Section):
    days: float = Field(ge=1, le=3_650)


class SourcesParams(Section):
    depth: int = Field(ge=1, le=10_000)
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


class ArrangeParams(Section):
    diversity: float = Field(ge=0, le=1)
    exploration: float = Field(ge=0, le=1)
    slot: int = Field(ge=1, le=1_000)
    reach: int = Field(ge=1, le=10_000)
    near_copy: float = Field(gt=0, le=1)
    maturity: dict[str, Annotated[int, Field(ge=0, le=21)]]


class ExplainParams(Section):
    tries: int = Field(ge=1, le=1_000)
    named: int = Field(ge=0, le=100)
    told: int = Field(ge=0, le=1_000)
    praise: float = Field(ge=0.5, le=5)
    taste_count: int = Field(ge=1, le=1_000)
    taste_lift: float = Field(ge=1, le=100)
    popular_from: float = Field(ge=0, le=1)


class TastesParams(Section):
    factors: int = Field(ge=1, le=256)
    directions: int = Field(ge=0, le=256)
    expectation: float = Field(gt=0, le=100_000)
    iterations: int = Field(ge=1, le=100)
    support: float = Field(gt=0, le=1_000)


class LikenessParams(Section):
    titles: int = Field(ge=1, le=1_000)
    shrinkage: float = Field(ge=0, le=10_000)
    rows: int = Field(ge=2, le=100_000)


class BlendParams(Section):
    rounds: int = Field(ge=1, le=20)
    enough: int = Field(ge=1_000, le=100_000_000)
    hidden: float = Field(gt=0, lt=1)
    rows: int = Field(ge=1_000, le=100_000_000)
    trees: int = Field(ge=1, le=10_000)
    leaves: int = Field(ge=2, le=1_024)
    leaf_rows: int = Field(ge=1, le=100_000)
    learning_rate: float = Field(gt=0, le=1)
    regularization: float = Field(ge=0, le=10_000)
    feature_share: float = Field(gt=0, le=1)
    row_share: float = Field(gt=0, le=1)


class StarsParams(Section):
    tastes: TastesParams
    likeness: LikenessParams
    blend: BlendParams


class SearchParams(Section):
    words: int = Field(ge=1, le=100)
    letters: int = Field(ge=1, le=1_000)
    found: int = Field(ge=1, le=100_000)
    alternatives: int = Field(ge=0, le=1_000)
    one_typo: int = Field(ge=1, le=100)
    two_typos: int = Field(ge=1, le=100)
    named: float = Field(ge=0, le=10)
    credited: float = Field(ge=0, le=10)
    told: float = Field(ge=0, le=10)
    meant: float = Field(ge=0, le=1)
    alike: float = Field(ge=0, le=1)
    typed: float = Field(ge=0, le=1)
    same_year: float = Field(ge=0, le=10)
    next_year: float = Field(ge=0, le=10)
    fame: float = Field(ge=0, le=10)


class LessonsParams(Section):
    viewers: int = Field(ge=1, le=10_000_000)
    hidden: int = Field(ge=1, le=1_000)
    steps: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Strict(False)] = Field(min_length=1, max_length=100)
    ahead: int = Field(ge=1, le=1_000)
    first: int = Field(ge=0, le=10)
    moments: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Strict(False)] = Field(max_length=20)
    later: int = Field(ge=1, le=20)
    rows: int = Field(ge=1_000, le=1_000_000_000)
    newcomers: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Strict(False)] = Field(max_length=20)
    negatives: int = Field(ge=1, le=100_000)


class RankerParams(Section):
    objectives: Annotated[tuple[Literal["rank_xendcg", "lambdarank", "binary"], ...], Strict(False)] = Field(
        min_length=1, max_length=10
    )
    rounds: int = Field(ge=1, le=10_000)
    learning_rate: float = Field(gt=0, le=1)
    leaves: int = Field(ge=2, le=64)  # a bit each: model/trees.py
    leaf_rows: int = Field(ge=1, le=1_000_000)
    feature_share: float = Field(gt=0, le=1)
    row_share: float = Field(gt=0, le=1)
    regularization: float = Field(ge=0, le=1_000)
    truncation: int = Field(ge=1, le=1_000)
