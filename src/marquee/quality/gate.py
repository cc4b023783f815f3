"""The gate: whether a challenger takes the champion's place, by rules with numbers. A pure function.

`judge` reads the table of evaluate.py, made of the challenger's lists (as HYBRID), the champion's (as CHAMPION) and
those of every source, for the same viewers. To add a rule: a function of the evidence, and its place in RULES.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from marquee.errors import TableError
from marquee.params import GateParams
from marquee.quality.evaluate import ALL, COVERAGE, HYBRID
from marquee.quality.report import DECIDES, MAIN

CHAMPION, POPULAR = "champion", "popular"
_NOVELTY, _UNANSWERED = "novelty@10", "unanswered"


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that is known of a challenger; without a champion's lists in the table, there is none yet."""

    table: pl.DataFrame
    learnt_until: datetime  # the latest of what the measured challenger learnt from
    tested_from: datetime  # the earliest of what it was tested on
    p99_ms: float  # of a list in full, as it would be served
    size_mb: float  # of the model folder
    checks: Mapping[str, str]  # by data check and kind of drift: what is wrong, or nothing


@dataclass(frozen=True)
class Rule:
    name: str
    passed: bool
    told: str  # the numbers, as a sentence

    def __str__(self) -> str:
        return f"{'ok' if self.passed else 'no'}  {self.name}: {self.told}"


@dataclass(frozen=True)
class Verdict:
    rules: tuple[Rule, ...]

    @property
    def promoted(self) -> bool:
        return all(rule.passed for rule in self.rules)

    @property
    def reasons(self) -> tuple[Rule, ...]:
        """Why it is not promoted."""
        return tuple(rule for rule in self.rules if not rule.passed)


def judge(evidence: Evidence, params: GateParams) -> Verdict:
    """Every rule's say; it is promoted if none objects."""
    measured = _Measured(evidence.table)
    found = [rule for rules in RULES for rule in rules(measured, params)]
    return Verdict((*found, *_past(evidence), *_costs(evidence, params), *_checks(evidence)))


class _Measured:
    """The cut that decides, by segment, list and metric."""

    def __init__(self, table: pl.DataFrame) -> None:
        decides = table.filter(pl.col("cut") == DECIDES)
        self._rows = {(row["segment"], row["list"], row["metric"]): row for row in decides.iter_rows(named=True)}
        self.segments = decides["segment"].unique(maintain_order=True).to_list()
        self.others = [name for name in decides["list"].unique(maintain_order=True) if name != HYBRID]
        if ALL not in self.segments or POPULAR not in self.others:
            raise TableError(f"gate: the table has no lists of {HYBRID} and {POPULAR} for {ALL} of the cut {DECIDES}")

    @property
    def has_champion(self) -> bool:
        return CHAMPION in self.others

    def value(self, name: str, metric: str) -> float:
        return float(self._rows[ALL, name, metric]["value"])

    def gap(self, to: str, segment: str = ALL) -> "_Gap":
        row = self._rows[segment, to, MAIN]
        return _Gap(*(row[name] for name in ("viewers", "value", "gap", "low", "high")))


@dataclass(frozen=True)
class _Gap:
    """How far the challenger's NDCG@10 is above another list's."""

    viewers: int
    of: float
    gap: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.gap:+.4f} to its {self.of:.4f} ({self.low:+.4f} to {self.high:+.4f}), {self.viewers:,} viewers"


def _enough_viewers(measured: _Measured, params: GateParams) -> Iterator[Rule]:
    viewers = measured.gap(POPULAR).viewers
    yield Rule("enough viewers", viewers >= params.viewers, f"{viewers:,} are tested on, {params.viewers:,} needed")


def _above_the_champion(measured: _Measured, _: GateParams) -> Iterator[Rule]:
    """Beyond noise: one that is only as good takes the place by luck once in forty times."""
    if not measured.has_champion:
        yield Rule("above the champion", True, "there is none yet")
        return
    gap = measured.gap(CHAMPION)
    yield Rule("above the champion", gap.low > 0, str(gap))


def _above_popularity(measured: _Measured, _: GateParams) -> Iterator[Rule]:
    gap = measured.gap(POPULAR)
    yield Rule("above popularity", gap.low > 0, str(gap))


def _no_source_above(measured: _Measured, _: GateParams) -> Iterator[Rule]:
    for name in measured.others:
        if name not in (CHAMPION, POPULAR):
            gap = measured.gap(name)
            yield Rule(f"not below {name}", gap.high >= 0, str(gap))


def _no_segment_pays(measured: _Measured, params: GateParams) -> Iterator[Rule]:
    """A loss counts where it is beyond both the margin and noise, in segments large enough to tell."""
    for segment in measured.segments if measured.has_champion else ():
        gap = measured.gap(CHAMPION, segment)
        if segment != ALL and gap.viewers >= params.viewers:
            lost = gap.high < 0 and gap.gap < -params.segment_loss * gap.of
            yield Rule(f"no loss for {segment}", not lost, f"{gap}, {params.segment_loss:.0%} may be lost")


def _believable(measured: _Measured, params: GateParams) -> Iterator[Rule]:
    """Who saw the answers is better than anybody can be."""
    best, own = max(measured.value(name, MAIN) for name in measured.others), measured.value(HYBRID, MAIN)
    limit = best * (1 + params.leap)
    told = f"{own:.4f}, the best other list {best:.4f}; above {limit:.4f} look for a leak"
    yield Rule("believable", own <= limit, told)


def _breadth(measured: _Measured, params: GateParams) -> Iterator[Rule]:
    coverage, novelty = measured.value(HYBRID, COVERAGE), measured.value(HYBRID, _NOVELTY)
    least = params.coverage
    if measured.has_champion:
        least = max(least, measured.value(CHAMPION, COVERAGE) * (1 - params.coverage_loss))
    yield Rule("coverage", coverage >= least, f"{coverage:.1%} of titles are shown, {least:.1%} needed")
    if not measured.has_champion:
        yield Rule("novelty", True, f"{novelty:.2f} bits, and no champion to compare with yet")
        return
    known = measured.value(CHAMPION, _NOVELTY)
    low, high = known * (1 - params.novelty_change), known * (1 + params.novelty_change)
    yield Rule("novelty", low <= novelty <= high, f"{novelty:.2f} bits, from {low:.2f} to {high:.2f} allowed")


def _everybody_answered(measured: _Measured, _: GateParams) -> Iterator[Rule]:
    without = measured.value(HYBRID, _UNANSWERED)
    yield Rule("everybody gets a list", without == 0, f"{without:.2%} of viewers get none")


def _past(evidence: Evidence) -> Iterator[Rule]:
    told = f"learnt until {evidence.learnt_until:%Y-%m-%d %H:%M}, tested from {evidence.tested_from:%Y-%m-%d %H:%M}"
    yield Rule("learnt from the past alone", evidence.learnt_until < evidence.tested_from, told)


def _costs(evidence: Evidence, params: GateParams) -> Iterator[Rule]:
    yield Rule("fast", evidence.p99_ms <= params.p99_ms, f"p99 {evidence.p99_ms:.1f} ms of {params.p99_ms:.1f} ms")
    yield Rule("small", evidence.size_mb <= params.size_mb, f"{evidence.size_mb:,.0f} MB of {params.size_mb:,.0f} MB")


def _checks(evidence: Evidence) -> Iterator[Rule]:
    for name, wrong in evidence.checks.items():
        yield Rule(name, not wrong, wrong or "fine")


RULES: tuple[Callable[[_Measured, GateParams], Iterator[Rule]], ...] = (
    _enough_viewers,
    _above_the_champion,
    _above_popularity,
    _no_source_above,
    _no_segment_pays,
    _believable,
    _breadth,
    _everybody_answered,
)
