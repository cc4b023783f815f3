"""What the sections on measuring hold: how good the lists are said to be, and how far the world may move."""

from typing import Annotated, Literal

from pydantic import Field, Strict, field_validator, model_validator

from marquee.params.section import Section

CutName = Literal["last_one", "last_fifth", "by_time", "live", "strangers"]


class EvaluateParams(Section):
    seed: int = Field(ge=0, le=2**32 - 1)
    cuts: Annotated[tuple[CutName, ...], Strict(False)]
    viewers: int = Field(ge=1, le=100_000_000)
    folds: int = Field(ge=1, le=5)
    draws: int = Field(ge=100, le=100_000)
    light: int = Field(ge=1, le=100_000)
    heavy: int = Field(ge=1, le=100_000)
    new_title: int = Field(ge=1, le=1_000_000)
    popular: float = Field(gt=0, le=1)
    small: int = Field(ge=0, le=1_000_000)

    @field_validator("cuts")
    @classmethod
    def _has_the_one_that_decides(cls, cuts: tuple[CutName, ...]) -> tuple[CutName, ...]:
        if "live" not in cuts:
            raise ValueError("live is missing: it is the cut that decides which model is served")
        return cuts

    @model_validator(mode="after")
    def _light_is_below_heavy(self) -> "EvaluateParams":
        if self.light >= self.heavy:
            raise ValueError(f"light is {self.light}, it must be below heavy, which is {self.heavy}")
        return self


class GateParams(Section):
    viewers: int = Field(ge=1, le=10_000_000)
    segment_loss: float = Field(ge=0, le=1)
    leap: float = Field(ge=0, le=100)
    coverage: float = Field(ge=0, le=1)
    coverage_loss: float = Field(ge=0, le=1)
    novelty_change: float = Field(ge=0, le=1)
    p99_ms: float = Field(gt=0, le=60_000)
    size_mb: float = Field(gt=0, le=1_000_000)


class DriftParams(Section):
    rows: int = Field(ge=100, le=10_000_000)
    least: int = Field(ge=2, le=1_000_000)
    numbers: float = Field(gt=0, le=100)
    kinds: float = Field(gt=0, le=1)
    missing: float = Field(gt=0, le=1)
