"""A worker in this process: what it tells Prometheus is of now, whoever takes the scrape."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from marquee.serve import pulse
from marquee.serve.settings import Settings
from marquee.serve.worker import Worker, shipped_params
from tests.serve.running import until


def test_gauges_are_of_now_without_a_scrape(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "EVERY_S", 0.05)
    settings = Settings(model=model_folder, state=tmp_path, database_url=f"sqlite:///{tmp_path}/events.db")

    async def serve() -> None:
        worker = Worker(settings, shipped_params())
        worker.begin()
        with worker.streams.listener(6):
            await asyncio.to_thread(until, lambda: listening() == 1, lambda: f"{listening()} listen")
        await asyncio.to_thread(until, lambda: listening() == 0, lambda: f"{listening()} listen")
        worker.end()

    asyncio.run(serve())


def listening() -> float | None:
    return REGISTRY.get_sample_value("marquee_streams")
