"""A soak: events, lists and searches for many minutes, while the champion of a real MLflow changes three times."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.serving.load import Figures
from marquee import registry
from tests.serve.running import Running, free_port, until

SWAPS = 3
_LOOK_S = 10.0


@dataclass
class Soaked:
    figures: Figures
    megabytes: list[float]  # of all workers, from the beginning to the end
    versions: list[str]  # that were served


@contextmanager
def registered(folder: Path, model: Path) -> Iterator[tuple[str, str]]:
    """Two versions of a model: the database, and the URL of its server."""
    database, port = f"sqlite:///{folder}/mlflow.db", free_port()
    for _ in range(2):
        registry.register(database, model)
    promote(database, "1")
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", database, "--no-serve-artifacts"]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _is_up(url), lambda: "MLflow does not start")
        yield database, url
    finally:
        process.terminate()
        process.wait()


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def promote(database: str, version: str) -> None:
    registry.promote(database, version, "benchmark", "a soak", datetime.now(UTC))


def soak(
    going: Future[Figures],
    service: Running,
    minutes: float,
    promoted: Callable[[str], None],
    megabytes: Callable[[], float],
) -> Soaked:
    """Looks on while the load lasts, and makes another version champion three times."""
    soaked, began, swaps = Soaked(Figures(), [], []), time.monotonic(), 0
    while not going.done():
        time.sleep(min(_LOOK_S, 60 * minutes / 20))
        soaked.megabytes.append(megabytes())
        version = service.get("/model").json()["version"]
        if version not in soaked.versions[-1:]:
            soaked.versions.append(version)
        if swaps < SWAPS and time.monotonic() - began > 60 * minutes * (swaps + 1) / (SWAPS + 1):
            swaps += 1
            promoted("2" if swaps % 2 else "1")
    soaked.figures = going.result()
    return soaked
