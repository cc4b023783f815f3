"""What the section on the loop holds: when flows run, how long they may, and by what rules the monitor acts."""

from pydantic import Field

from marquee.params.section import Section

_CRON = r"^\S+( \S+){4}$"


class LoopParams(Section):
    collect_cron: str = Field(pattern=_CRON)
    retrain_cron: str = Field(pattern=_CRON)
    monitor_cron: str = Field(pattern=_CRON)
    collect_for_s: float = Field(gt=0, le=86_400)
    follow_s: float = Field(gt=0, le=3_600)
    keep_shown_months: int = Field(ge=0, le=1_200)
    days: float = Field(gt=0, le=3_650)
    within_h: float = Field(gt=0, le=10_000)
    shown: int = Field(ge=1, le=1_000_000_000)
    worse: float = Field(gt=0, le=1)
    lost: float = Field(ge=0, le=1)
    drifted: int = Field(ge=1, le=10_000)
    retrain_rest_h: float = Field(ge=0, le=10_000)
    roll_back_rest_h: float = Field(ge=0, le=10_000)
