"""A worker in this process: what it tells Prometheus is of now, whoever takes the scrape; and who asks finds room."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from marquee.errors import StoreError
from marquee.serve import metrics, pulse
from marquee.serve.settings import Settings
from marquee.serve.worker import Worker, now, shipped_params
from tests.serve.running import an_event, until


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


def test_a_store_that_cannot_be_written_is_away_until_it_can(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "EVERY_S", 0.05)
    url, timeout_s = f"sqlite:///{tmp_path}/events.db", 1.0
    settings = Settings(model=model_folder, state=tmp_path, database_url=url, timeout_s=timeout_s)

    async def serve() -> None:
        worker = Worker(settings, shipped_params())
        worker.begin()
        with closing(sqlite3.connect(tmp_path / "events.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            told = (worker.write(worker.store.append, [an_event(f"{n}")], now()) for n in range(12))
            async with asyncio.timeout(timeout_s):
                refused = await asyncio.gather(*told, return_exceptions=True)
            assert {type(error) for error in refused} == {StoreError}
            assert worker.faults()["store"]
            assert not worker.streams.store_is_away
            other.execute("ROLLBACK")
        await asyncio.to_thread(until, lambda: not worker.faults()["store"], lambda: "the store is away")
        assert (await worker.write(worker.store.append, [an_event("a")], now())).accepted == 1
        assert not any(worker.faults().values())
        worker.shown._lose(1)
        assert [what for what, is_so in worker.faults().items() if is_so] == ["shown"]
        worker.end()

    asyncio.run(serve())


def test_a_file_that_cannot_be_read_takes_nothing_from_what_prometheus_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    key = mmap_key("marquee_events", "marquee_events_total", ["outcome"], ["accepted"], "")
    for worker in (1, 2):
        counted: Any = MmapedDict(str(tmp_path / f"counter_{worker}.db"))  # type: ignore[no-untyped-call]
        counted.write_value(key, 3.0, 0.0)
        counted.close()
    whole = (tmp_path / "counter_1.db").read_bytes()
    for worker, broken in enumerate((b"", whole[:2], whole[:20], whole.replace(b"marquee", b"\xff\xffrquee")), 3):
        (tmp_path / f"counter_{worker}.db").write_bytes(broken)
    assert b'marquee_events_total{outcome="accepted"} 6.0\n' in metrics.told()


def begun(model_folder: Path, folder: Path) -> Worker:
    settings = Settings(model=model_folder, state=folder, database_url=f"sqlite:///{folder}/events.db")
    worker = Worker(settings, shipped_params())
    worker.begin()
    return worker


def listening() -> float | None:
    return REGISTRY.get_sample_value("marquee_streams")
