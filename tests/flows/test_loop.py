"""The whole loop on a real Prefect server: promoted, unchanged, refused, killed and resumed, watched, rolled back."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.models import get_model_info
from prefect import settings as prefect_settings
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Scheduled
from prefect.testing.utilities import prefect_test_harness

from flows.first import ask_for_first_look
from flows.missed import let_go_of_missed
from flows.monitor import monitor
from flows.retrain import retrain
from flows.roll_back import roll_back
from marquee import bento, registry
from marquee.alone import alone
from marquee.cli.up import register_first
from marquee.data.events import EventStore
from marquee.loop import pipeline, retraining
from marquee.model.folder import fingerprint_of, load_model
from marquee.params import read_params
from marquee.quality.timeline import Look, add
from marquee.serve.schemas.requests import RecommendRequest
from marquee.up.parts import House, Part, Ports
from tests.flows.conftest import BEGIN, tell, watched
from tests.tiny import change

pytestmark = [pytest.mark.timeout(900), pytest.mark.filterwarnings("default")]

REGISTRY, EVENTS = "sqlite:///state/mlflow.db", "sqlite:///state/events.db"
HOME = Path("state/bentoml")
TABLES = ["demo_world", "titles", "ratings", "interactions"]
MODELS = ["split", "retrieve", "rank", "stars", "evaluate", "recommender"]
# Without Prefect: what came of each stage, one line each, as soon as it is known.
PIPELINE = """from marquee.loop import pipeline, retraining
pipeline.clear_the_way()
for stage in pipeline.stages():
    print(stage, pipeline.make(stage, lambda line: None), sep=": ", flush=True)"""
FLOW = "from flows.retrain import retrain; retrain()"


@pytest.fixture(scope="module")
def remote(project: Path) -> Path:
    """DVC's, beside the project."""
    folder = project.parent / "remote"
    subprocess.run(["dvc", "remote", "add", "-q", "-d", "away", "../remote"], cwd=project, check=True)
    return folder


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


def test_the_first_that_beats_popularity_is_promoted_stage_by_stage_and_tells_of_it(remote: Path) -> None:
    state = ended(retrain, reason="the first")
    assert (state.name, state.message) == ("Promoted", "version 1 is champion")
    told = tasks(state.state_details.flow_run_id)
    assert [name for name in told if name in {*TABLES, *MODELS}] == list(pipeline.stages())
    assert {told[name] for name in (*TABLES, *MODELS)} == {"Ran"}
    assert list(told)[-7:] == ["judge", "register", "who is champion?", "promote", "package", "push", "report"]
    assert "above popularity" in artifact("verdict")
    assert "ndcg@10" in artifact("metrics")
    (version,) = registry.versions(REGISTRY)
    assert version.aliases == ("champion",)
    assert version.tags["event position"] == "0"
    assert len(version.tags["dvc.lock"]) == 64
    assert registry.metrics(REGISTRY, "1")["ndcg_at_10/all_viewers/hybrid"] > 0.3
    assert all(registry.kept(REGISTRY, "1", name) for name in ("model", "twin", "reference", "plots", "reports"))
    assert bento.is_there("1", HOME)
    assert any(remote.rglob("*"))
    assert [(change.version, change.by, change.why) for change in registry.changes(REGISTRY)] == [
        ("1", "retrain", "the first")
    ]


def test_links_lead_to_the_run_and_to_the_lock_of_its_data() -> None:
    (run,), (lock,) = (re.findall(r"file://([^)]+)", artifact(key)) for key in ("mlflow-run", "dvc-lock"))
    assert (Path(run) / "model/manifest.json").is_file()
    assert Path(lock).read_text("utf-8") == Path("dvc.lock").read_text("utf-8")


def test_mlflow_knows_what_is_asked_of_a_version_and_what_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", REGISTRY)
    told = get_model_info("models:/marquee@champion")
    signature = told.signature
    assert {"user_id", "k", "filters"} <= set(signature.inputs.input_names())
    assert signature.inputs.required_input_names() == ["user_id"]
    assert {"titles", "model"} <= set(signature.outputs.input_names())
    (kept,) = Path("state/registry").rglob("input_example.json")
    RecommendRequest.model_validate_json(kept.read_bytes())


def test_a_version_is_made_again_to_the_byte_from_what_is_kept_also_in_the_remote_alone(project: Path) -> None:
    cache = project / ".dvc/cache/files"
    cache.rename(project / "away")
    done = marquee("reproduce", "1")
    shutil.rmtree(cache)
    (project / "away").rename(cache)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "equal: state/reproduced/1/data/model is version 1 to the byte" in done.stdout
    model = Path("state/reproduced/1/data/model")
    assert fingerprint_of(model) == registry.versions(REGISTRY)[0].fingerprint
    assert "is there already" in marquee("reproduce", "1").stderr


def marquee(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["marquee", *words], capture_output=True, text=True, check=False)


def test_where_nothing_is_new_nothing_runs_the_champion_stays_and_what_was_left_undone_is_done() -> None:
    shutil.rmtree(HOME / "bentos")  # as if a run had been killed just after the promotion
    state = ended(retrain)
    assert (state.name, registry.champion(REGISTRY)) == ("Unchanged", "1")
    told = tasks(state.state_details.flow_run_id)
    assert {told[name] for name in (*TABLES, *MODELS)} == {"Up to date"}
    assert bento.is_there("1", HOME)


def test_who_is_no_better_is_refused_with_reasons_and_registered_all_the_same(project: Path) -> None:
    change(project, "ranker.rounds=41")
    state = ended(retrain)
    assert (state.name, registry.champion(REGISTRY)) == ("Refused", "1")
    assert "above the champion" in state.message
    assert "✗ | above the champion" in artifact("verdict")
    assert registry.alias(REGISTRY, "challenger") == "2"
    told = tasks(state.state_details.flow_run_id)
    assert {name for name in MODELS if told[name] == "Ran"} == {"rank", "evaluate", "recommender"}
    assert "package" not in told


def test_a_champion_that_cannot_be_asked_is_a_reason_to_refuse_and_none_to_fail() -> None:
    twin = registry.kept(REGISTRY, "1", "twin")
    assert twin is not None
    recipe = twin / "params.yaml"
    told = recipe.read_text("utf-8")
    recipe.write_text(f"{told}\nof_an_earlier_version: 1\n", "utf-8")
    found = retraining.judge(REGISTRY, read_params(Path("params.yaml")), Path("data"))
    recipe.write_text(told, "utf-8")
    (told_of,) = (rule for rule in found.verdict.reasons if rule.name == "the champion can be measured")
    assert "judge for yourself, then promote" in str(told_of)


def test_of_what_a_schedule_asked_for_while_nobody_was_here_the_latest_is_run() -> None:
    now = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        told: Any = monitor.to_deployment("missed", cron="* * * * *", tags=["ours"])
        deployment = told.apply()
        past = {"start_time": str(now - timedelta(minutes=300)), "end_time": str(now)}
        client.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment}, json=past)
        long_ago: State[Any] = Scheduled(scheduled_time=now - timedelta(minutes=400))
        by_hand = client.create_flow_run_from_deployment(deployment, state=long_ago)
        due = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
        asked = client.read_flow_runs(flow_run_filter=due)
        assert let_go_of_missed(["another's"]) == 0
        assert let_go_of_missed(["ours"]) == len(asked) - 2 > 50
        due.state = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
        left = client.read_flow_runs(flow_run_filter=due, sort=FlowRunSort.EXPECTED_START_TIME_DESC)
        assert [run.id == by_hand.id for run in left] == [False, True]
        assert str(left[0].expected_start_time) == max(str(run.expected_start_time) for run in asked)
        client.delete_deployment(deployment)


def test_the_first_look_is_asked_for_once_and_only_tells(tmp_path: Path) -> None:
    told: Any = monitor.to_deployment("first", tags=["ours"])
    assert ask_for_first_look(told, tmp_path)
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("monitor/first").id
        due = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
        (asked,) = client.read_flow_runs(flow_run_filter=due)
        assert (asked.parameters, asked.auto_scheduled) == ({"act": False}, False)
        add(Look(datetime.now(UTC), "1", (), None, "rest", False, "nothing moved", None), tmp_path)
        assert not ask_for_first_look(told, tmp_path)
        assert len(client.read_flow_runs(flow_run_filter=due)) == 1
        client.delete_deployment(deployment)


def test_a_second_retraining_is_skipped_and_says_so(project: Path) -> None:
    with alone(project / "state/retrain.lock") as is_alone:
        assert is_alone
        state = ended(retrain)
    assert state.name == "Skipped"
    assert "another retraining runs" in state.message


@pytest.mark.parametrize("stage", [*TABLES, *MODELS])
def test_killed_at_a_stage_it_leaves_nobody_behind_and_the_champion_and_goes_on_after_the_last_that_was_finished(
    project: Path, stage: str
) -> None:
    before = list(pipeline.stages())[: list(pipeline.stages()).index(stage)]
    if not before:  # all viewers turn to titles that the champion has never heard of
        tell(project, watched(1, BEGIN, seed=1), watched(61, BEGIN + timedelta(days=300), seed=2))
        change(project, "demo_world.seed=8")
    told = killed_at(project, stage, PIPELINE)
    assert told == [f"{name}: up to date" for name in before[:-1]] + [f"{name}: ran" for name in before[-1:]]
    assert registry.champion(REGISTRY) == "1"
    champion = registry.kept(REGISTRY, "1", "model")
    assert champion is not None
    load_model(champion)


def test_killed_as_a_flow_it_is_told_of_and_the_next_run_goes_on_to_the_promotion(project: Path) -> None:
    last = list(pipeline.stages())[-1]
    killed_at(project, last, FLOW)
    assert registry.champion(REGISTRY) == "1"
    state = ended(retrain, reason="new titles")
    assert (state.name, registry.champion(REGISTRY)) == ("Promoted", "3")
    told = tasks(state.state_details.flow_run_id)
    assert {name for name in (*TABLES, *MODELS) if told[name] == "Ran"} == {last}
    assert registry.alias(REGISTRY, "previous") == "1"
    assert flow_states("retrain").count("Crashed") == 1


def killed_at(project: Path, stage: str, code: str) -> list[str]:
    """Runs the code as a program and kills it, as nothing can be caught, as soon as the stage works; what it told."""
    environment = os.environ | {"PREFECT_API_URL": str(prefect_settings.PREFECT_API_URL.value())}
    command = yaml.safe_load((project / "dvc.yaml").read_text("utf-8"))["stages"][stage]["cmd"]
    with (project / "told").open("w") as told:
        process = subprocess.Popen([sys.executable, "-c", code], cwd=project, env=environment, stdout=told)
        try:
            until(lambda: process.poll() is not None or bool(working(project, command)), 300)
            assert process.poll() is None
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    until(lambda: not working(project, "marquee"), 30)
    return (project / "told").read_text("utf-8").splitlines()


def working(project: Path, command: str) -> list[str]:
    """Programs of stages that run in the project."""
    found = []
    for program in Path("/proc").glob("[0-9]*"):
        try:
            words, folder = (program / "cmdline").read_bytes(), (program / "cwd").readlink()
        except OSError:
            continue
        if folder == project and "\0".join(command.split()).encode() in words and b"-c\0" not in words:
            found.append(words.decode())
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
            at = now - timedelta(hours=50)  # their time to take it is over
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


def test_what_was_made_by_hand_takes_no_champions_place_past_the_gate(project: Path) -> None:
    champion, known = registry.champion(REGISTRY), len(registry.versions(REGISTRY))
    change(project, "ranker.rounds=39")
    for stage in pipeline.stages():
        pipeline.make(stage, lambda _: None)
    house = House(frozenset({Part.REGISTRY}), Ports(3000), project / "state", EVENTS, {})
    told: list[str] = []
    register_first(house, Path("data/model"), told.append)
    assert (registry.champion(REGISTRY), len(registry.versions(REGISTRY))) == (champion, known + 1)
    assert f"the gate refuses it: version {champion} stays champion" in told[-1]
    register_first(house, Path("data/model"), told.append)
    assert len(registry.versions(REGISTRY)) == known + 1


def test_a_look_beside_another_is_skipped(project: Path) -> None:
    with alone(project / "state/monitor.lock") as is_alone:
        assert is_alone
        assert ended(monitor).name == "Skipped"


def test_without_a_champion_the_monitor_has_nothing_to_look_after(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARQUEE_REGISTRY_URL", f"sqlite:///{project}/state/empty.db")
    assert ended(monitor).name == "Nothing to look after"
