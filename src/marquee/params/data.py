"""What the sections on data hold: where it comes from, what is taken of it, and the world made for trying things."""

from typing import Literal

from pydantic import Field, model_validator

from marquee.params.section import Section


class SourceParams(Section):
    format: Literal["netflix_prize", "movielens", "own"]
    path: str
    rejects_share: float = Field(ge=0, le=1)


class CatalogueParams(Section):
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


class EventParams(Section):
    future_tolerance_s: float = Field(ge=0, le=86_400)
    text_limit: int = Field(ge=1, le=100_000)
    batch_limit: int = Field(ge=1, le=100_000)
    partition_rows: int = Field(ge=1_000, le=100_000_000)


class WatchApiParams(Section):
    url: str = Field(pattern=r"^https?://")
    pause_s: float = Field(ge=0, le=3_600)
    timeout_s: float = Field(gt=0, le=300)
    body_limit_bytes: int = Field(ge=100, le=1_000_000_000)
    attempts: int = Field(ge=1, le=20)
    backoff_s: float = Field(ge=0, le=60)
    backoff_limit_s: float = Field(ge=0, le=3_600)


class HistoryImportParams(Section):
    size_limit_bytes: int = Field(ge=1, le=10_000_000_000)
    glance_s: float = Field(ge=0, le=3_600)
    episode_s: float = Field(ge=0, le=36_000)
    movie_s: float = Field(ge=0, le=36_000)


class DemoWorldParams(Section):
    seed: int = Field(ge=0, le=2**32 - 1)
    viewers: int = Field(ge=10, le=10_000_000)
    titles: int = Field(ge=20, le=20_000)
    ratings: int = Field(ge=100, le=1_000_000_000)
