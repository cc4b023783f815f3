"""A house to run in: a folder with what `marquee up` needs, and that running in it as a user runs it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from marquee.data.demo_world import write_demo_world
from marquee.params.data import DemoWorldParams
from tests.model.conftest import catalogue
from tests.serve.running import saved

ROOT = Path(__file__).parents[2]
PORTS = {"service": 3000, "registry": 5000, "watch-api": 8765, "flows": 4200, "drift": 8000}
_PATIENCE_S = 500


@dataclass(frozen=True)
class House:
    folder: Path
    process: subprocess.Popen[bytes]
    offset: int

    def url(self, name: str, path: str) -> str:
        return f"http://127.0.0.1:{PORTS[name] + self.offset}{path}"

    def get(self, name: str, path: str) -> httpx.Response:
        return httpx.get(self.url(name, path), timeout=30)

    def logged(self) -> str:
        return (self.folder / "log").read_text("utf-8")


def furnish(folder: Path) -> None:
    """As after `dvc repro`, but without its wait: a small model, and the demo world."""
    write_demo_world(folder / "data/demo", DemoWorldParams(seed=7, viewers=60, titles=80, ratings=1500))
    saved(folder / "data/model")
    (folder / "data/tables").mkdir()
    catalogue().write_parquet(folder / "data/tables/titles.parquet")
    shutil.copy(ROOT / "params.yaml", folder)
    shutil.copytree(ROOT / "flows", folder / "flows", ignore=shutil.ignore_patterns("__pycache__"))


@contextmanager
def up_in(folder: Path, environment: Mapping[str, str], *words: str) -> Iterator[House]:
    """Up and ready; killed in the end, unless it has ended by then."""
    offset = _free_offset()
    command = marquee("up", "--port-offset", str(offset), *words)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=log, stderr=log)
    house = House(folder, process, offset)
    try:
        _wait_until_ready(house)
        yield house
    finally:
        process.kill()
        process.wait()


def marquee(*words: str) -> list[str]:
    return [sys.executable, "-c", "from marquee.cli import main; main()", *words]


def answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def _free_offset() -> int:
    """Added to every port, it leads to free ones; processes that share the tests look for theirs apart."""
    first = 20_000 + 1_000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return next(
        offset for offset in range(first, 40_000, 4_001) if not any(answers(port + offset) for port in PORTS.values())
    )


def _wait_until_ready(house: House) -> None:
    end = time.monotonic() + _PATIENCE_S
    while "Ctrl-C stops all of it" not in house.logged():
        assert house.process.poll() is None, house.logged()
        assert time.monotonic() < end, house.logged()
        time.sleep(0.1)
