"""Monitoring: what the last days say of the champion, and what follows from it by the rules of params.yaml."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import polars as pl

from marquee import registry
from marquee.data.events import EventStore
from marquee.loop import reference
from marquee.params import LoopParams, Params
from marquee.quality.drift import Drift, drift, views
from marquee.quality.live import Gap, by_version, gap, taken
from marquee.quality.timeline import Look, looks
from marquee.stages.saving import save_text

BY = "monitor"  # as the audit tells it
_LOOKS = 1_000  # that are looked back at: weeks of them
REFERENCE = "reference"  # under this name it is kept beside its version


class Act(StrEnum):
    NOTHING = "nothing"
    RETRAIN = "retrain"
    ROLL_BACK = "roll back"


@dataclass(frozen=True)
class Decision:
    act: Act
    why: str


@dataclass(frozen=True, eq=False)
class Found:
    champion: str
    previous: str | None
    drift: Drift | None  # none where the champion came without a reference
    live: pl.DataFrame  # of by_version
    gap: Gap | None  # the champion's to the version before; none where too little was shown


@dataclass(frozen=True)
class Last:
    """When the monitor acted last; none if it never did."""

    retraining: datetime | None
    roll_back: datetime | None


def find(events: pl.LazyFrame, url: str, params: Params, now: datetime) -> Found | None:
    """What the events of the last days say of the champion; none where there is no champion.

    Versions are compared by what was shown so long ago that viewers have had the time to take it.
    """
    champion, previous = (registry.alias(url, name) for name in (registry.CHAMPION, registry.PREVIOUS))
    if champion is None:
        return None
    within = timedelta(hours=params.loop.within_h)
    told = taken(reference.light(events), within)
    live, ripe = by_version(told), told.filter(pl.col("happened_at") <= now - within)
    shown = dict(ripe["version"].value_counts().iter_rows())
    enough = previous is not None and min(shown.get(champion, 0), shown.get(previous, 0)) >= params.loop.shown
    apart = gap(ripe, champion, previous) if enough and previous is not None else None
    folder = registry.kept(url, champion, REFERENCE)
    moved = None if folder is None else drifted(events, told, champion, folder, params)
    return Found(champion, previous, moved, live, apart)


def drifted(events: pl.LazyFrame, told: pl.DataFrame, version: str, folder: Path, params: Params) -> Drift:
    fame = reference.fame(folder)
    before, after = reference.then(folder), reference.now(events, told, version, folder, params.drift.rows)
    return drift(views(before, fame), views(after, fame), params.drift, params.seed)


def decide(found: Found, last: Last, now: datetime, params: LoopParams) -> Decision:
    """A champion that is taken less goes at once; a world that moved is learnt anew. Neither too often."""
    if found.gap is not None and found.gap.high < 0 and found.gap.gap <= -params.worse * found.gap.of:
        why = f"version {found.champion} is taken less than {found.previous}: {found.gap}"
        return _unless_resting(Act.ROLL_BACK, why, last.roll_back, now, params.roll_back_rest_h)
    names = found.drift.drifted if found.drift else ()
    if len(names) >= params.drifted:
        why = f"{len(names)} columns drifted: {', '.join(names)}"
        return _unless_resting(Act.RETRAIN, why, last.retraining, now, params.retrain_rest_h)
    return Decision(Act.NOTHING, "all is as it was" if not names else f"only {', '.join(names)} drifted")


def save_report(drift: Drift, into: Path) -> Path:
    """Evidently's page, the numbers, and the distances as metrics of DVC; where the page lies."""
    page = into / "reports" / "drift.html"
    save_text(drift.page, page)
    save_text(json.dumps(drift.summary, indent=2) + "\n", page.with_suffix(".json"))
    distances = {column.name: column.distance for column in drift.columns if column.distance is not None}
    told = {"drifted": len(drift.drifted), "distances": distances}
    save_text(json.dumps(told, indent=2) + "\n", into / "metrics" / "drift.json")
    return page


def look(found: Found, decision: Decision, page: Path | None, may_act: bool, at: datetime) -> Look:
    """What the timeline keeps of it."""
    return Look(
        at=at,
        champion=found.champion,
        columns=found.drift.columns if found.drift else (),
        taken=None if found.gap is None else str(found.gap),
        act=decision.act,
        acted=may_act,
        why=decision.why,
        page=None if page is None else str(page.resolve()),
    )


def last_acts(url: str, state: Path) -> Last:
    """A retraining is when a version was registered, whoever asked for it, or when the monitor asked for one, whatever
    became of that.
    """
    registered = [version.registered_at for version in registry.versions(url)]
    asked = [each.at for each in looks(state, _LOOKS) if each.acted and each.act == Act.RETRAIN]
    backs = [datetime.fromisoformat(change.at) for change in registry.changes(url) if change.by == BY]
    return Last(max(registered + asked, default=None), max(backs, default=None))


def recent(store: EventStore, folder: Path, now: datetime, days: float) -> pl.LazyFrame:
    """The events of the last days, by way of a snapshot."""
    partitions = list(store.snapshot(folder, store.position()))
    return pl.scan_parquet(partitions).filter(pl.col("happened_at") > now - timedelta(days=days))


def _unless_resting(act: Act, why: str, last: datetime | None, now: datetime, rest_h: float) -> Decision:
    if last is not None and now - last < timedelta(hours=rest_h):
        return Decision(Act.NOTHING, f"{act} would follow ({why}), but the last was at {last:%Y-%m-%d %H:%M}")
    return Decision(act, why)
