"""The whole story on real servers: up, what viewers do, a retraining asked of Prefect, the gate, the service that
follows, a world that moves, the monitor's report, and the way back.
"""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from marquee import bento, registry
from marquee.data.events import EventStore
from marquee.params import read_params
from tests.flows.conftest import BEGIN, QUICK, TITLES_OF_TASTE, VIEWERS, tell, watched
from tests.flows.test_loop import shown_and_taken
from tests.serve.running import until
from tests.tiny import lay_out
from tests.up.house import House, up_in

pytestmark = pytest.mark.timeout(600)
WORLD = ("demo_world.viewers=60", "demo_world.titles=80", "demo_world.ratings=1500", "loop.retrain_rest_h=0.0")
ENDS = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
HASTE = {"PREFECT_RUNNER_POLL_FREQUENCY": "1"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """What `make up` does: the pipeline, then everything that runs."""
    folder = tmp_path_factory.mktemp("story")
    lay_out(folder, *QUICK, *WORLD)
    tell(folder, watched(1, BEGIN, seed=1))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "DVC_NO_ANALYTICS": "1", **HASTE}
    subprocess.run(["dvc", "repro", "--quiet"], cwd=folder, env=os.environ | own, check=True)
    with up_in(folder, own, "--without", "drift") as up:
        yield up


def registry_of(house: House) -> str:
    return f"sqlite:///{house.folder}/state/mlflow.db"


def served(house: House) -> str:
    return str(house.get("service", "/model").json()["version"])


def store(house: House) -> EventStore:
    params = read_params(house.folder / "params.yaml").events
    return EventStore(f"sqlite:///{house.folder}/state/events.db", params, None)


def run(house: House, flow: str, **parameters: object) -> tuple[str, str]:
    """Asked of Prefect, as its own page asks; the name of the state that it ended in, and what it says."""
    of = house.get("flows", f"/api/deployments/name/{flow}/{flow}").json()["id"]
    asked = {"parameters": parameters, "state": {"type": "SCHEDULED"}, "idempotency_key": uuid.uuid4().hex}
    made = answered(house, lambda: httpx.post(house.url("flows", f"/api/deployments/{of}/create_flow_run"), json=asked))

    def state() -> Any:
        return answered(house, lambda: house.get("flows", f"/api/flow_runs/{made['id']}"))["state"]

    end = time.monotonic() + 400
    while (now := state())["type"] not in ENDS:
        assert time.monotonic() < end, house.logged()
        time.sleep(0.2)
    return now["name"], now["message"]


def answered(house: House, ask: Callable[[], httpx.Response]) -> Any:
    """Prefect refuses with a 503 while another writes to its SQLite file, and wants to be asked again."""
    end = time.monotonic() + 60
    while (reply := ask()).status_code == httpx.codes.SERVICE_UNAVAILABLE:
        assert time.monotonic() < end, house.logged()
        time.sleep(0.5)
    assert reply.is_success, reply.text
    return reply.json()


def artifact(house: House, key: str) -> str:
    """The newest of that key, as Prefect's pages show it."""
    asked = {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC"}
    return str(httpx.post(house.url("flows", "/api/artifacts/filter"), json=asked).json()[0]["data"])


def event(name: str, kind: str, viewer: int, title: int, at: datetime) -> dict[str, object]:
    about = {"event_id": name, "kind": kind, "user_id": viewer, "title_id": title}
    return {**about, "happened_at": at.isoformat(), "source": "tv"}


def say(house: House, events: list[dict[str, object]]) -> None:
    reply = httpx.post(house.url("service", "/events"), json={"events": events}, timeout=60).json()
    assert (reply["accepted"], reply["refused"]) == (len(events), []), reply


def test_it_is_up_with_a_champion_that_later_ones_can_be_held_against(house: House) -> None:
    assert served(house) == "1"
    assert all(registry.kept(registry_of(house), "1", name) for name in ("model", "twin", "reference", "lock"))


def test_what_the_watch_api_tells_is_recorded(house: House) -> None:
    run(house, "collect", seconds=1.0)  # also when that of the schedule is at it
    with store(house) as events:
        until(lambda: events.position() > 0, house.logged)


def test_what_viewers_turn_to_is_learnt_promoted_packaged_and_served(house: House) -> None:
    evening = (datetime.now(UTC) - timedelta(days=6)).replace(hour=20)
    say(house, [event(f"usual-{n}", "paused", n % VIEWERS + 1, n % 60 + 1, evening) for n in range(400)])
    tell(house.folder, watched(1, BEGIN, seed=1), watched(61, BEGIN + timedelta(days=300), seed=2))
    assert run(house, "retrain", reason="new titles") == ("Promoted", "version 2 is champion")
    assert served(house) == "2"
    told = httpx.post(house.url("service", "/recommend"), json={"user_id": 1, "k": 5}).json()
    assert told["model"] == "2"
    assert {title["title_id"] for title in told["titles"]} & set(range(61, 61 + TITLES_OF_TASTE))
    assert bento.is_there("2", house.folder / "state/bentoml")
    assert house.url("registry", "/#/experiments/1/runs/") in artifact(house, "mlflow-run")
    (change, _) = registry.changes(registry_of(house))
    assert (change.version, change.by, change.why) == ("2", "retrain", "new titles")


def test_a_world_that_moved_is_reported_and_would_be_learnt_anew(house: House) -> None:
    night = datetime.now(UTC).replace(hour=2) - timedelta(days=1)
    say(house, [event(f"moved-{n}", "abandoned", 9_000 + n, 50 + n % 9, night) for n in range(900)])
    name, why = run(house, "monitor", act=False)
    assert name == "Retrain", why
    assert {"events: kind", "events: part_of_day", "events: viewer"} <= set(why.partition(": ")[2].split(", "))
    assert "events: kind" in (house.folder / "data/reports/drift.html").read_text("utf-8")
    shown = subprocess.run(["dvc", "metrics", "show"], cwd=house.folder, capture_output=True, text=True, check=True)
    assert "distances.events: kind" in shown.stdout


def test_a_champion_that_viewers_take_less_of_goes_and_the_service_goes_back(house: House) -> None:
    now = datetime.now(UTC)
    told = [event for version, share in (("1", 0.5), ("2", 0.05)) for event in shown_and_taken(version, share, now)]
    with store(house) as events:  # as the service writes down what it has shown
        assert events.append(told, now).refused == ()
    name, why = run(house, "monitor")
    assert name == "Roll back", why
    until(lambda: served(house) == "1", house.logged)
