"""A real service in a process of its own, on a free port of loopback, and the registry that it may follow."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from marquee.model import recommender
from marquee.model.folder import save_model
from marquee.model.recommender import Recommender
from tests.model.conftest import catalogue, interactions, small_params

VIEWERS = 150
BENTOML = ("-m", "bentoml", "serve", "marquee.serve.service:marquee")
MARQUEE = ("-c", "from marquee.cli import main; main()", "serve")
PATIENCE_S = 90


@dataclass(frozen=True)
class Running:
    client: httpx.Client
    process: subprocess.Popen[bytes]
    log: Path
    folder: Path

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.folder}/events.db"

    def post(self, path: str, body: object, **more: Any) -> httpx.Response:
        return self.client.post(path, json=body, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, **more)

    def logged(self) -> str:
        return self.log.read_text("utf-8", errors="replace")

    def workers(self) -> list[int]:
        """The processes that answer."""
        command = ["pgrep", "-P", str(self.process.pid), "-f", "_bentoml_impl.worker.service"]
        return [
            int(line) for line in subprocess.run(command, check=False, capture_output=True, text=True).stdout.split()
        ]

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)


@cache
def fitted(seed: int) -> Recommender:
    return recommender.fit(interactions(VIEWERS, seed), catalogue(), small_params())


def saved(folder: Path, seed: int = 3) -> Path:
    """A model folder of the small world; another seed is another model."""
    save_model(folder, fitted(seed).contents({"trained_on": {"seed": str(seed)}}))
    return folder


def an_event(event_id: str, **changes: object) -> dict[str, object]:
    told = {"event_id": event_id, "user_id": 6, "title_id": 5, "kind": "liked", "source": "page"}
    return told | {"happened_at": "2026-03-01T11:00:00Z"} | changes


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(
    folder: Path, model: Path, settings: Mapping[str, object], command: Sequence[str] = BENTOML
) -> Iterator[Running]:
    """Ready when it is handed over, and gone afterwards."""
    port, log = free_port(), folder / "log"
    environment = os.environ | {
        "MARQUEE_MODEL": str(model),
        "MARQUEE_DATABASE_URL": f"sqlite:///{folder}/events.db",
        "MARQUEE_STATE": str(folder),
        "MARQUEE_PORT": str(port),
        "BENTOML_HOME": str(folder / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
    }
    environment |= {name: str(value) for name, value in settings.items()}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *command], env=environment, stdout=out, stderr=out, start_new_session=True
        )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        service = Running(client, process, log, folder)
        try:
            until(lambda: is_ready(service), lambda: f"the service is not ready: {service.logged()}")
            yield service
        finally:
            end(service)


def end(service: Running) -> None:
    """At once. Workers are in sessions of their own: they would live on without who watches over them."""
    workers = service.workers()
    if service.process.poll() is None:
        os.killpg(service.process.pid, signal.SIGKILL)
    service.process.wait(PATIENCE_S)
    for pid in workers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_ready(service: Running) -> bool:
    assert service.process.poll() is None, service.logged()
    try:
        return service.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def until(happened: Callable[[], object], words: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < end, words()
        time.sleep(0.05)


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--no-serve-artifacts"]
    command += ["--default-artifact-root", (folder / "artifacts").as_uri()]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)


def is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False
