"""A worker in this process: what it tells Prometheus is of now, whoever takes the scrape; and who asks finds room."""

import asyncio
from pathlib import Path
from threading import Event

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

    async def serve() -> None:
        worker = begun(model_folder, tmp_path)
        with worker.streams.listener(6):
            await asyncio.to_thread(until, lambda: listening() == 1, lambda: f"{listening()} listen")
        await asyncio.to_thread(until, lambda: listening() == 0, lambda: f"{listening()} listen")
        worker.end()

    asyncio.run(serve())


def test_however_many_streams_wait_for_a_list_a_request_is_not_refused(model_folder: Path, tmp_path: Path) -> None:
    async def serve() -> None:
        worker, opened = begun(model_folder, tmp_path), Event()
        pushed = [asyncio.create_task(worker.push(opened.wait)) for _ in range(worker.settings.line + 20)]
        await asyncio.sleep(0)
        asked = asyncio.create_task(worker.read(lambda: "answered"))
        await asyncio.sleep(0)
        opened.set()
        assert await asked == "answered"
        assert all(await asyncio.gather(*pushed))
        worker.end()

    asyncio.run(serve())


def begun(model_folder: Path, folder: Path) -> Worker:
    settings = Settings(model=model_folder, state=folder, database_url=f"sqlite:///{folder}/events.db")
    worker = Worker(settings, shipped_params())
    worker.begin()
    return worker


def listening() -> float | None:
    return REGISTRY.get_sample_value("marquee_streams")
