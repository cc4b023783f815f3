"""Linking: where a person reads on about a version: MLflow's run, the lock of its data, the drift report."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from marquee import registry
from marquee.loop.settings import Settings


@dataclass(frozen=True)
class Link:
    key: str
    text: str
    address: str
    what: str


def links(settings: Settings, version: str, into: Path) -> Iterator[Link]:
    """Pages where they are served, else files."""
    lock = registry.kept(settings.registry_url, version, "lock")
    page = f"{settings.mlflow_url}{registry.page(settings.registry_url, version)}" if settings.mlflow_url else None
    if lock is not None:
        yield Link(
            "mlflow-run", f"version {version} in MLflow", page or lock.parent.as_uri(), "All that is known of it"
        )
        of_lock = f"{page}/artifacts/lock/dvc.lock" if page else (lock / "dvc.lock").as_uri()
        yield Link("dvc-lock", f"dvc.lock of version {version}", of_lock, "Which data and code made it, by digest")
    yield from drift_links(settings, into / "reports" / "drift.html")


def drift_links(settings: Settings, page: Path) -> Iterator[Link]:
    """To Evidently's history of reports, or the newest of them."""
    if settings.evidently_url:
        yield Link("drift-report", "drift, report by report", settings.evidently_url, "In Evidently's own pages")
    elif page.exists():
        yield Link("drift-report", "the newest drift report", page.resolve().as_uri(), "Needs no network")
