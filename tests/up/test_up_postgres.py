"""One real PostgreSQL server for all: events, Prefect's runs and MLflow's models, a schema each."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from tests.serve.running import free_port
from tests.up.house import House, furnish, marquee, up_in

PASSWORD = "a-word-of-adas"
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(not BINARIES, reason="no PostgreSQL server: apt-get install postgresql"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """One that knows what Prefect needs, as Debian ships it, for the time of the tests."""
    folder, port = Path(tempfile.mkdtemp(prefix="marquee-up-")), free_port()
    shutil.chown(folder, "postgres") if os.getuid() == 0 else None
    whose: Any = {"user": "postgres"} if os.getuid() == 0 else {}  # it refuses to run as root
    make: list[str | Path] = [BINARIES[-1] / "initdb", "--auth=trust", "--username=ada", "--no-sync", folder / "data"]
    subprocess.run(make, check=True, capture_output=True, cwd=folder, **whose)
    run: list[str | Path] = [BINARIES[-1] / "postgres", "-D", folder / "data", "-k", folder, "-p", str(port), "-F"]
    process = subprocess.Popen(run, cwd=folder, stderr=subprocess.DEVNULL, **whose)
    url = f"postgresql://ada:{PASSWORD}@127.0.0.1:{port}/postgres"
    until_it_answers(url)
    yield url
    process.terminate()
    process.wait(60)
    shutil.rmtree(folder)


def until_it_answers(url: str) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.fixture(scope="module")
def house(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    parts = [word for part in ("service", "registry", "flows") for word in ("--only", part)]
    folder = tmp_path_factory.mktemp("house")
    furnish(folder)
    with up_in(folder, {"MARQUEE_DATABASE_URL": server}, *parts) as up:
        yield up


def rows(server: str, table: str) -> int:
    with psycopg.connect(server) as connection:
        ((count,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(count)


def test_each_has_a_schema_of_its_own_and_nobody_keeps_a_file(house: House, server: str) -> None:
    sent = {
        "event_id": "1",
        "user_id": 6,
        "title_id": 5,
        "kind": "liked",
        "source": "page",
        "happened_at": 1_600_000_000_000,
    }
    reply = httpx.post(house.url("service", "/events"), json={"events": [sent]}).json()
    assert reply["accepted"] == 1, reply
    assert rows(server, "public.events") == 1
    assert rows(server, "mlflow.model_versions") == 1
    assert rows(server, "prefect.deployment") == 4
    state = house.folder / "state"
    assert [*state.glob("*.db"), *(state / "prefect").glob("*.db")] == []
    assert (state / "registry").is_dir()


def test_whoever_knows_the_events_finds_the_registry_beside_them(house: House, server: str) -> None:
    environment = os.environ | {"MARQUEE_DATABASE_URL": server, "COLUMNS": "200"}
    done = subprocess.run(
        marquee("models"), cwd=house.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert "champion" in done.stdout, done.stderr
    assert httpx.get(house.url("service", "/model")).json()["version"] == "1"


def test_no_password_is_among_the_words_of_a_program(house: House) -> None:
    everybody = [psutil.Process(house.process.pid), *psutil.Process(house.process.pid).children(recursive=True)]
    told = " ".join(word for each in everybody for word in each.cmdline())
    assert f"--port-offset {house.offset}" in told
    assert "mlflow server" in told
    assert PASSWORD not in told


def test_killed_as_nothing_can_be_caught_it_leaves_nobody_behind(house: House) -> None:
    """The last one of this file: it ends the house."""
    everybody = psutil.Process(house.process.pid).children(recursive=True)
    assert len(everybody) > 6
    house.process.kill()
    house.process.wait()
    _, alive = psutil.wait_procs(everybody, timeout=60)
    assert alive == []
