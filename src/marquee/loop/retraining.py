"""Retraining: the steps after the stages, from a model folder to the champion that is served.

Each may be done again: who was killed between two of them finds what was done, and goes on from there.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from marquee import registry
from marquee.data.events import EventStore
from marquee.data.events.months import months_ago
from marquee.loop.checks import checks
from marquee.loop.judging import Judged, judged, unmeasured
from marquee.loop.monitoring import REFERENCE
from marquee.loop.origin import origin
from marquee.loop.reference import save_reference
from marquee.loop.signature import signed
from marquee.loop.telling import metrics_of, verdict_in_words
from marquee.model.folder import fingerprint_of
from marquee.params import Params
from marquee.registry import Beside
from marquee.stages.measured import twin_of
from marquee.stages.saving import save_text

ROOT = Path()
TWIN = "twin"  # under this name it is kept beside its version


def snapshot(url: str, params: Params, into: Path) -> int:
    """What viewers did until now, for the stages; the position of the last event in it.

    What was shown so long ago that the store need not keep it is in there by now, and leaves the store.
    """
    kept = params.loop.keep_shown_months
    with EventStore(url, params.events, None) as store:
        position = store.position()
        store.snapshot(into / "snapshot", position)
        if kept and store.has_months:
            store.let_go(into / "snapshot", months_ago(datetime.now(UTC), kept))
    return position


def position(into: Path) -> int:
    """Of the last event in the snapshot that the stages took."""
    partitions = sorted((into / "snapshot").glob("events-*.parquet"))
    last: Any = pl.scan_parquet(partitions).select(pl.col("position").max()).collect().item() if partitions else None
    return last or 0


def is_whole(into: Path) -> bool:
    """Whether the stages left there all that a champion needs beside it."""
    return twin_of(into).is_dir() and (ROOT / "dvc.lock").is_file()


def same_as_champion(url: str, into: Path) -> str | None:
    """The champion's version, if what the stages made is that very model."""
    champion, fingerprint = registry.champion(url), fingerprint_of(into / "model")
    known = {version.name: version.fingerprint for version in registry.versions(url)}
    return champion if champion is not None and known.get(champion) == fingerprint else None


def judge(url: str, params: Params, into: Path) -> Judged:
    """What the stages made, against the champion."""
    save_reference(params, into, into / "reference")
    champion = registry.champion(url)
    twin, reference = (None if champion is None else registry.kept(url, champion, name) for name in (TWIN, REFERENCE))
    own = checks(into / "reference", reference, params.loop.lost, params.drift.missing) if reference else {}
    if champion is not None and twin is None:
        own = {**own, **unmeasured("it was registered without its twin")}
    found = judged(params, into, twin, own)
    save_text(verdict_in_words(found.verdict) + "\n", into / "reports" / "verdict.md")
    save_text(json.dumps(asdict(found.verdict)["rules"], indent=2) + "\n", into / "reports" / "verdict.json")
    save_text(found.difference, into / "reports" / "difference.md")
    return found


def register(url: str, into: Path, position: int, found: Judged) -> str:
    """Its version; one that was registered before with the same fingerprint and origin stays the one."""
    told = origin(ROOT, position)
    fingerprint = fingerprint_of(into / "model")
    for version in registry.versions(url):
        if version.fingerprint == fingerprint and version.tags.get("dvc.lock") == told["dvc.lock"]:
            return version.name
    verdict = "promoted" if found.verdict.promoted else "; ".join(rule.name for rule in found.verdict.reasons)
    files = {
        TWIN: twin_of(into),
        REFERENCE: into / "reference",
        "reports": into / "reports",
        "plots": into / "plots",
        "stages": into / "metrics",
        "lock": ROOT / "dvc.lock",
        "params": ROOT / "params.yaml",
    }
    there = {name: path for name, path in files.items() if path.exists()}
    beside = Beside(metrics_of(found.table), {**told, "verdict": verdict}, there)
    return registry.register(url, into / "model", signed(beside))
