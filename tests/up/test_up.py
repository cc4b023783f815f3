"""`marquee up` as a user runs it: real servers on ports of their own, one terminal, and nothing left after Ctrl-C."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests import outward
from tests.serve.running import until
from tests.up.house import PORTS, House, answers, furnish, marquee, up_in

# The first start of every server there is.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    furnish(folder)
    with up_in(folder, outward.environment(folder)) as up:
        yield up


def test_all_of_it_answers(house: House) -> None:
    assert house.get("service", "/readyz").json() == {"ready": True, "version": "1", "degraded": []}
    assert house.get("registry", "/health").text == "OK"
    assert house.get("flows", "/api/health").json() is True
    assert house.get("watch-api", "/users-currently-watching-movie").status_code == 200
    assert house.get("drift", "/api/version").json()["application"] == "Evidently UI"
    for name, port in PORTS.items():
        assert re.search(rf"^  {name} +http://127.0.0.1:{port + house.offset}", house.logged(), re.MULTILINE)


def test_the_registrys_champion_recommends(house: House) -> None:
    answer = httpx.post(house.url("service", "/recommend"), json={"user_id": 6, "k": 5})
    assert answer.status_code == 200
    assert len(answer.json()["titles"]) == 5
    assert answer.json()["model"] == "1"


def test_the_flows_have_schedules_and_the_page_of_prefect_finds_its_server(house: House) -> None:
    deployed = httpx.post(house.url("flows", "/api/deployments/filter"), json={}).json()
    scheduled = {each["name"] for each in deployed if not each["paused"] and each["schedules"]}
    assert {"collect", "retrain", "monitor"} <= scheduled
    runs = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    until(
        lambda: httpx.post(house.url("flows", "/api/flow_runs/count"), json=runs).json() > 0,
        lambda: f"nothing is scheduled: {house.logged()}",
    )
    assert house.get("flows", "/ui-settings").json()["api_url"] == house.url("flows", "/api")


def test_a_second_one_in_the_same_project_is_refused(house: House) -> None:
    second = subprocess.run(marquee("up"), cwd=house.folder, capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert f"up already in this project (process {house.process.pid})" in second.stderr


def test_a_port_in_use_is_named_with_the_way_out(house: House, tmp_path: Path) -> None:
    command = marquee("up", "--only", "watch-api", "--port-offset", str(house.offset))
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert f"port {8765 + house.offset} (watch-api)" in second.stderr
    assert "--port-offset" in second.stderr


def test_ctrl_c_leaves_nothing_behind_and_nobody_called_out(house: House) -> None:
    """The last one of this file: it ends the house. In all its time nobody called out."""
    everybody = psutil.Process(house.process.pid).children(recursive=True)
    assert len(everybody) > len(PORTS)
    house.process.send_signal(signal.SIGINT)
    assert house.process.wait(60) == 0
    assert [each for each in everybody if each.is_running() and each.status() != psutil.STATUS_ZOMBIE] == []
    assert [port for port in PORTS.values() if answers(port + house.offset)] == []
    assert outward.calls(house.folder) == []
