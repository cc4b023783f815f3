"""Models, for an operator: every version with what it is worth, what the gate said of it, and who became champion.

All of it is read from the registry, where the loop put it; nothing is measured a second time.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from marquee import registry
from marquee.errors import NotFoundError, RegistryError, RequestError
from marquee.registry import Change, Version
from marquee.serve.schemas import operator as s

_MEASURED = 40  # versions whose quality is looked up
_QUALITY = ("ndcg@10", "all viewers", "hybrid")
_NO_REGISTRY = (
    "This service follows no registry: it answers from the model that it was given. "
    "Set MARQUEE_REGISTRY_URL to an MLflow server (http://host:port) to compare, promote and roll back versions."
)
_ELSEWHERE = (
    "The files of this version lie at a place that this machine does not have, or it was registered by hand: "
    "its verdict and its difference are not there."
)


class Models:
    """Threads may share one. What is measured of a version never changes, so it is asked for once."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._lock = Lock()
        self._measured: dict[tuple[str, str], tuple[s.Measured, ...]] = {}

    def all(self, served: str | None) -> s.ModelsReply:
        """RegistryError is told, not raised: what is served does not depend on it."""
        if self._url is None:
            return s.ModelsReply(served=served, missing=_NO_REGISTRY, versions=(), changes=())
        try:
            versions, changes = registry.versions(self._url), registry.changes(self._url)
            lines = tuple(self._line(version, number < _MEASURED) for number, version in enumerate(versions))
        except RegistryError as error:
            return s.ModelsReply(served=served, missing=str(error), versions=(), changes=())
        missing = None if versions else "The registry holds no version yet: run the retrain flow once."
        return s.ModelsReply(served=served, missing=missing, versions=lines, changes=tuple(map(_change, changes)))

    def one(self, name: str) -> s.VersionReply:
        url, version = self._known(name)
        reports, stages = (registry.kept(url, name, folder) for folder in ("reports", "stages"))
        return s.VersionReply(
            **self._line(version, is_measured=True).model_dump(),
            metrics=self._metrics(url, version),
            rules=_rules(reports),
            difference=_text(reports, "difference.md") or None,
            origin={key: value for key, value in version.tags.items() if key not in ("fingerprint", "verdict")},
            stages=_stages(stages),
            page=f"{url}{registry.page(url, name)}" if url.startswith("http") else None,
            missing=None if reports else _ELSEWHERE,
        )

    def promote(self, name: str, asked: s.ChangeRequest, by: str, now: datetime) -> None:
        url, _ = self._known(name)
        with self._lock:
            _require_same(registry.champion(url), asked.champion)
            registry.promote(url, name, by, asked.why, now)

    def roll_back(self, asked: s.ChangeRequest, by: str, now: datetime) -> None:
        url = self._registry()
        with self._lock:
            _require_same(registry.champion(url), asked.champion)
            registry.roll_back(url, by, asked.why, now)

    def _registry(self) -> str:
        if self._url is None:
            raise RequestError(_NO_REGISTRY)
        return self._url

    def _known(self, name: str) -> tuple[str, Version]:
        url = self._registry()
        found = [version for version in registry.versions(url) if version.name == name]
        if not found:
            raise NotFoundError(f"the registry has no version {name}; /operator/models lists those there are")
        return url, found[0]

    def _line(self, version: Version, is_measured: bool) -> s.VersionLine:
        measured = self._metrics(self._registry(), version) if is_measured else ()
        quality = (of.value for of in measured if (of.metric, of.segment, of.list) == _QUALITY)
        return s.VersionLine(
            version=version.name,
            aliases=version.aliases,
            registered_at=version.registered_at,
            fingerprint=version.fingerprint,
            verdict=version.tags.get("verdict"),
            quality=next(quality, None),
        )

    def _metrics(self, url: str, version: Version) -> tuple[s.Measured, ...]:
        key = version.name, version.fingerprint
        if key not in self._measured:
            self._measured[key] = tuple(_measured(registry.metrics(url, version.name)))
        return self._measured[key]


def _change(change: Change) -> s.ChangeLine:
    at = datetime.fromisoformat(change.at)
    return s.ChangeLine(at=at, version=change.version, before=change.before, by=change.by, why=change.why)


def _require_same(champion: str | None, seen: str | None) -> None:
    if champion != seen:
        now = f"version {champion} is champion" if champion else "there is no champion"
        raise RequestError(f"nothing was changed: {now} by now; look again, then decide")


def _measured(metrics: Mapping[str, float]) -> Sequence[s.Measured]:
    """Names are those of `metrics_of` in loop/telling.py: metric, segment and list."""
    told = [(name.split("/"), value) for name, value in sorted(metrics.items())]
    return [
        s.Measured(metric=name[0].replace("_at_", "@"), segment=name[1].replace("_", " "), list=name[2], value=value)
        for name, value in told
        if len(name) == 3
    ]


def _rules(folder: Path | None) -> tuple[s.RuleSaid, ...]:
    text = _text(folder, "verdict.json")
    return tuple(s.RuleSaid(**rule) for rule in json.loads(text)) if text else ()


def _stages(folder: Path | None) -> dict[str, dict[str, Any]]:
    """What is no number of its own, such as the tables of the evaluation, is told elsewhere."""
    found = (
        {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.rglob("*.json"))} if folder else {}
    )
    flat = {
        stage: {name: value for name, value in told.items() if isinstance(value, int | float | str)}
        for stage, told in found.items()
        if isinstance(told, dict)
    }
    return {stage: told for stage, told in flat.items() if told}


def _text(folder: Path | None, name: str) -> str:
    found = next(iter(sorted(folder.rglob(name))), None) if folder else None
    return found.read_text("utf-8") if found else ""
