"""The whole loop on a real Prefect server: promoted, unchanged, refused, killed and resumed, watched, rolled back."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect import settings as prefect_settings
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter, FlowRunFilterId
from prefect.testing.utilities import prefect_test_harness

from flows.monitor import monitor
from flows.retrain import retrain
from flows.roll_back import roll_back
from marquee import registry
from marquee.data.events import EventStore
from marquee.alone import alone
from marquee.params import read_params
from tests.flows.conftest import BEGIN, change, tell, watched

pytestmark = [pytest.mark.timeout(900), pytest.mark.filterwarnings("default")]

REGISTRY, EVENTS = "sqlite:///state/mlflow.db", "sqlite:///state/events.db"
TABLES = ["demo_world", "titles", "ratings", "interactions"]
MODELS = ["split", "retrieve", "rank", "stars", "evaluate", "recommender"]


@pytest.fixture(scope="module", autouse=True)
def server(project: Path) -> Iterator[None]:  # noqa: ARG001 - it is the folder that flows run in
    with prefect_test_harness(server_startup_timeout=180):
        yield


def ended(flow: Any, *told: object, **parameters: object) -> Any:
    """The state that a run of the flow ended in."""
    return flow(*told, **parameters, return_state=True)


def tasks(run_id: Any) -> dict[str, str]:
    """The state of each task, by name, in the order in which they began."""
    with get_client(sync_client=True) as client:
        of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
        runs = client.read_task_runs(flow_run_filter=of_run)
    runs.sort(key=lambda run: str(run.start_time or run.created))
    return {run.name: str(run.state_name) for run in runs}


def artifact(key: str) -> str:
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return str(max(found, key=lambda each: str(each.created)).data)


def test_the_first_that_beats_popularity_is_promoted_stage_by_stage_and_tells_of_it() -> None:
    state = ended(retrain, reason="the first")
    assert (state.name, state.message) == ("Promoted", "version 1 is champion")
    told = tasks(state.state_details.flow_run_id)
    stages = [name for name in told if name in {*TABLES, *MODELS}]
    assert sorted(stages) == sorted([*TABLES, *MODELS])
    assert {told[name] for name in stages} == {"Ran"}
    assert stages.index("split") < stages.index("retrieve") < stages.index("rank") < stages.index("recommender")
    assert "above popularity" in artifact("verdict")
    assert "ndcg@10" in artifact("metrics")
    (version,) = registry.versions(REGISTRY)
    assert version.aliases == ("champion",)
    assert version.tags["event position"] == "0"
    assert len(version.tags["dvc.lock"]) == 64
    assert registry.metrics(REGISTRY, "1")["ndcg_at_10/all_viewers/hybrid"] > 0.3
    assert all(registry.kept(REGISTRY, "1", name) for name in ("model", "twin", "reference", "plots", "reports"))
    assert [(change.version, change.by, change.why) for change in registry.changes(REGISTRY)] == [
        ("1", "retrain", "the first")
    ]


def test_where_nothing_is_new_nothing_runs_and_the_champion_stays() -> None:
    state = ended(retrain)
    assert (state.name, registry.champion(REGISTRY)) == ("Unchanged", "1")
    told = tasks(state.state_details.flow_run_id)
    assert {told[name] for name in (*TABLES, *MODELS)} == {"Up to date"}


def test_who_is_no_better_is_refused_with_reasons_and_registered_all_the_same(project: Path) -> None:
    change(project, ranker={"rounds": 11})
    state = ended(retrain)
    assert (state.name, registry.champion(REGISTRY)) == ("Refused", "1")
    assert "above the champion" in state.message
    assert "✗ | above the champion" in artifact("verdict")
    assert registry.alias(REGISTRY, "challenger") == "2"
    told = tasks(state.state_details.flow_run_id)
    assert {name for name in MODELS if told[name] == "Ran"} == {"rank", "evaluate", "recommender"}


def test_a_second_retraining_is_skipped_and_says_so(project: Path) -> None:
    with alone(project / "state/retrain.lock") as is_alone:
        assert is_alone
        state = ended(retrain)
    assert state.name == "Skipped"
    assert "another retraining runs" in state.message


def test_killed_in_a_stage_it_leaves_no_process_and_the_champion_and_the_next_run_goes_on_from_there(
    project: Path,
) -> None:
    # All viewers turn to titles that the champion has never heard of.
    tell(project, watched(1, BEGIN, seed=1), watched(61, BEGIN + timedelta(days=300), seed=2))
    killed_in(project, "rank")
    assert registry.champion(REGISTRY) == "1"
    state = ended(retrain, reason="new titles")
    assert (state.name, registry.champion(REGISTRY)) == ("Promoted", "3")
    told = tasks(state.state_details.flow_run_id)
    assert {told[name] for name in (*TABLES, "split", "retrieve")} == {"Up to date"}
    assert {told[name] for name in ("rank", "evaluate", "recommender")} == {"Ran"}
    assert registry.alias(REGISTRY, "previous") == "1"
    assert flow_states("retrain").count("Crashed") == 1


def killed_in(project: Path, stage: str) -> None:
    """Runs the flow as a program and kills it, as nothing can be caught, as soon as the stage works."""
    environment = os.environ | {"PREFECT_API_URL": str(prefect_settings.PREFECT_API_URL.value())}
    program = [sys.executable, "-c", "from flows.retrain import retrain; retrain()"]
    process = subprocess.Popen(program, cwd=project, env=environment)
    try:
        until(lambda: bool(working(project, stage)), 300)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    until(lambda: not working(project, ""), 30)


def working(project: Path, stage: str) -> list[str]:
    """Programs of stages that run in the project."""
    found = []
    for program in Path("/proc").glob("[0-9]*"):
        try:
            command, folder = (program / "cmdline").read_bytes(), (program / "cwd").readlink()
        except OSError:
            continue
        if folder == project and f"stage\0{stage}".encode() in command:
            found.append(command.decode())
    return found


def until(holds: Any, patience_s: float) -> None:
    ends_at = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def flow_states(name: str) -> list[str]:
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(limit=200)
        flows = {flow.id: flow.name for flow in client.read_flows(limit=200)}
    return [str(run.state_name) for run in runs if flows[run.flow_id] == name]


def test_a_champion_that_viewers_take_less_of_is_rolled_back_once() -> None:
    now = datetime.now(UTC)
    events = [event for version, share in (("1", 0.5), ("3", 0.05)) for event in shown_and_taken(version, share, now)]
    with EventStore(EVENTS, read_params(Path("params.yaml")).events, None) as store:
        assert store.append(events, now).refused == ()
    state = ended(monitor)
    assert (state.name, registry.champion(REGISTRY)) == ("Roll back", "1"), state.message
    assert "version 3 is taken less than 1" in state.message
    assert registry.changes(REGISTRY)[0].by == "monitor"
    assert "finished" in artifact("live-quality")
    assert "columns drifted" in artifact("drift")
    # The other way round it would be as bad, were it not for the rest.
    again = ended(monitor)
    assert registry.champion(REGISTRY) == "1", again.message


def shown_and_taken(version: str, share: float, now: datetime) -> Iterator[dict[str, object]]:
    """Ten titles to each of fifty viewers, and how many of them they finished an hour later."""
    for viewer in range(1, 51):
        for rank in range(1, 11):
            name = f"{version}-{viewer}-{rank}"
            at = now - timedelta(hours=5)
            detail = {"list": f"{version}-{viewer}", "rank": rank, "shelf": "top_picks", "model": version, "score": 0.1}
            about = {"user_id": viewer, "title_id": rank + 10 * int(version), "source": "service"}
            yield {
                **about,
                "event_id": name,
                "kind": "shown",
                "happened_at": at.isoformat(),
                "detail": json.dumps(detail),
            }
            if (viewer * 7 + rank * 3) % 20 < share * 20:
                later = (at + timedelta(hours=1)).isoformat()
                yield {**about, "event_id": f"{name}-done", "kind": "watch_finished", "happened_at": later}


def test_an_operator_gets_the_champion_before_back_and_is_named() -> None:
    before = registry.champion(REGISTRY)
    state = ended(roll_back, "I liked it better", "Ada")
    assert state.message == f"version {registry.champion(REGISTRY)} is champion again"
    assert registry.champion(REGISTRY) != before
    assert (registry.changes(REGISTRY)[0].by, registry.changes(REGISTRY)[0].why) == ("Ada", "I liked it better")


def test_without_a_champion_the_monitor_has_nothing_to_look_after(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARQUEE_REGISTRY_URL", f"sqlite:///{project}/state/empty.db")
    assert ended(monitor).name == "Nothing to look after"
