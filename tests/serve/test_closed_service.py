"""The service as `marquee serve` starts it, closed by a key, with two workers on one store: who may what, a list that
follows an event whichever worker took it, and a worker that is killed while events come in."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from marquee.data.api_keys import ApiKeys
from marquee.data.events import EventStore
from marquee.serve.worker import shipped_params
from tests.serve.running import MARQUEE, Running, an_event, running, saved, until

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("closed")


@pytest.fixture(scope="module")
def keys(folder: Path) -> Iterator[ApiKeys]:
    with ApiKeys(f"sqlite:///{folder}/events.db") as keys:
        yield keys


@pytest.fixture(scope="module")
def service(folder: Path, keys: ApiKeys) -> Iterator[Running]:
    admin = keys.create("admin", ["admin"], NOW)
    settings = {"MARQUEE_WORKERS": 2, "MARQUEE_RATE": 10_000, "MARQUEE_BURST": 10_000}
    with running(folder, saved(folder / "model"), settings, MARQUEE) as service:
        service.client.headers["authorization"] = f"Bearer {admin}"
        until(lambda: len(service.workers()) == 2, service.logged)
        yield service


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def bearing(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@contextmanager
def to_each_worker(service: Running) -> Iterator[list[httpx.Client]]:
    """A connection that is kept to each of the two; a model is served since another moment by each."""
    found: dict[str, httpx.Client] = {}
    with ExitStack() as clients:

        def are_found() -> bool:
            client = httpx.Client(base_url=service.client.base_url, headers=service.client.headers, timeout=30)
            since = clients.enter_context(client).get("/model").json()["since"]
            found.setdefault(since, client)
            return len(found) == 2

        until(are_found, lambda: "one worker answers everything")
        yield [*found.values()]


def told_by_each(workers: list[httpx.Client], key: str) -> set[int]:
    """Each worker reads the keys anew on its own."""
    return {worker.get("/model", headers=bearing(key)).status_code for worker in workers}


def known(service: Running, key: str) -> bool:
    with to_each_worker(service) as workers:
        return told_by_each(workers, key) == {200}


def test_without_a_key_nothing_is_told_but_that_it_runs(service: Running) -> None:
    with httpx.Client(base_url=service.client.base_url) as stranger:
        for path in ("/livez", "/readyz", "/metrics", "/openapi.json"):
            assert stranger.get(path).status_code == 200
        for path in ("/model", "/viewers/6", "/titles/5", "/viewers/6/stream"):
            answer = stranger.get(path)
            assert refused(answer) == (401, "unauthorised")
            assert answer.headers["www-authenticate"] == "Bearer"
        assert refused(stranger.post("/recommend", json={"user_id": 6})) == (401, "unauthorised")


def test_a_key_that_only_reads_changes_nothing_and_forgets_nobody(service: Running, keys: ApiKeys) -> None:
    key = keys.create("reader", ["read"], NOW)
    until(lambda: known(service, key), lambda: "the new key is not known")
    assert service.post("/recommend", {"user_id": 6}, headers=bearing(key)).status_code == 200
    for path, body in (("/events", {"events": [an_event("x")]}), ("/finished", {"user_id": 6, "title_id": 5})):
        assert refused(service.post(path, body, headers=bearing(key))) == (403, "forbidden")
    assert refused(service.client.delete("/viewers/6", headers=bearing(key))) == (403, "forbidden")
    assert refused(service.get("/viewers/6/export", headers=bearing(key))) == (403, "forbidden")


def test_a_revoked_key_ends_while_the_service_runs(service: Running, keys: ApiKeys) -> None:
    key = keys.create("leaver", ["read"], NOW)
    with to_each_worker(service) as workers:
        until(lambda: told_by_each(workers, key) == {200}, lambda: "the new key is not known")
        keys.revoke(key.split("_")[1], NOW)
        until(lambda: told_by_each(workers, key) == {401}, lambda: "the revoked key is still good")
    assert service.post("/recommend", {"user_id": 6}, headers=bearing(key)).status_code == 401


def test_an_open_stream_ends_with_the_key_that_opened_it(service: Running, keys: ApiKeys) -> None:
    key = keys.create("listener", ["read"], NOW)
    until(lambda: known(service, key), lambda: "the new key is not known")
    with (
        service.client.stream("GET", "/viewers/11/stream", headers=bearing(key)) as answer,
        ThreadPoolExecutor(1) as pool,
    ):
        assert answer.status_code == 200
        told = pool.submit(list, answer.iter_lines())
        assert was_sent(service, "before")
        assert not told.done()
        keys.revoke(key.split("_")[1], NOW)
        until(lambda: was_sent(service, f"after-{time.monotonic_ns()}") and told.done(), lambda: "it goes on")
        assert told.result()[0].startswith("id: ")


def was_sent(service: Running, event_id: str) -> bool:
    """So that there is a list to push."""
    answer = service.post("/events", {"events": [an_event(event_id, user_id=11, kind="opened")]})
    return bool(answer.json()["accepted"])


def test_a_viewer_reads_and_writes_their_own_data_alone(service: Running) -> None:
    token = token_of(service, 6)
    own = bearing(token)
    assert service.post("/events", {"events": [an_event("own")]}, headers=own).status_code == 200
    events = [an_event("mine"), an_event("theirs", user_id=7)]
    for path, body in (("/events", {"events": events}), ("/sign_up", {}), ("/page/sign_up", {})):
        assert refused(service.post(path, body, headers=own)) == (403, "forbidden"), path
    by_address = httpx.get(service.client.base_url.join(f"/viewers/7/stream?token={token}"))
    assert refused(by_address) == (403, "forbidden")


def test_a_key_is_no_part_of_an_address_and_a_viewers_token_may_be(service: Running) -> None:
    address = service.client.base_url.join("/viewers/6/stream")
    key = service.client.headers["authorization"].removeprefix("Bearer ")
    told = httpx.get(address, params={"token": key})
    assert refused(told) == (401, "unauthorised")
    assert "send it as `Authorization: Bearer ...`" in told.json()["error"]["message"]
    with httpx.stream("GET", address, params={"token": token_of(service, 6)}) as answer:
        assert answer.status_code == 200


def token_of(service: Running, user_id: int) -> str:
    return str(service.client.post(f"/viewers/{user_id}/token").json()["token"])


SENT: dict[str, dict[str, Any]] = {
    "PUT /viewers/{user_id}/profile": {"json": {"name": "Ada"}},
    "POST /viewers/{user_id}/undo": {"json": {"event_ids": ["a"]}},
    "POST /viewers/{user_id}/bring": {"files": {"file": b"Date,Name,Year,Letterboxd URI,Rating\n"}},
}


def test_no_address_of_a_viewer_is_read_or_written_with_the_token_of_another(service: Running) -> None:
    asked = {operation: SENT.get(operation, {}) for operation in operations(service) if "/{user_id}" in operation}
    assert SENT.keys() < asked.keys()
    assert answered(service, asked, of=13, by=14) == dict.fromkeys(asked, 403)
    own = dict.fromkeys(asked, 200) | {"POST /viewers/{user_id}/token": 403}  # or a token would never end
    assert answered(service, asked, of=13, by=13) == own


def test_no_request_that_names_another_viewer_is_answered(service: Running) -> None:
    asked = {operation: {"json": body} for operation, body in naming_a_viewer(service, 13).items()}
    assert {"POST /recommend", "POST /shelves", "POST /finished", "POST /similar", "POST /stars", "POST /search"} < (
        asked.keys()
    )
    assert answered(service, asked, of=13, by=14) == dict.fromkeys(asked, 403)
    own = {operation: 403 if "/operator/" in operation else 200 for operation in asked}
    assert answered(service, asked, of=13, by=13) == own


def naming_a_viewer(service: Running, user_id: int) -> dict[str, dict[str, Any]]:
    """A body for each operation that takes a `user_id` in one: its own example, of this viewer."""
    schemas = service.get("/openapi.json").json()["components"]["schemas"]
    bodies = {}
    for operation, told in operations(service).items():
        content = told.get("requestBody", {}).get("content", {}).get("application/json")
        schema = schemas[content["schema"]["$ref"].rpartition("/")[2]] if content else {}
        if "user_id" in schema.get("properties", {}):
            bodies[operation] = schema.get("examples", [{}])[0] | {"user_id": user_id}
    return bodies


def answered(service: Running, asked: Mapping[str, Any], *, of: int, by: int) -> dict[str, int]:
    """What each operation says to one viewer's token when it is about the data of a viewer; streams only begin."""
    told = {}
    with httpx.Client(base_url=service.client.base_url, headers=bearing(token_of(service, by))) as viewer:
        for operation, sent in asked.items():
            method, path = operation.split()
            with viewer.stream(method, path.format(user_id=of, title_id=5), **sent) as answer:
                told[operation] = answer.status_code
    return told


# A schema cannot say that one year is before another, and a bad event is refused in a reply that is fine.
LEFT_OUT = "positive_data_acceptance,negative_data_rejection"
NEVER_FINE = {
    "GET /operator/models/{version}": "no registry is there",
    "POST /operator/models/{version}/promote": "no registry is there",
    "POST /operator/rollback": "no registry is there",
    "GET /operator/drift/report": "no flow has looked for drift",
    "POST /page/key": "nobody guesses a key",
    "POST /viewers/{user_id}/bring": "nobody guesses a history's file",
}


def test_whatever_the_openapi_allows_is_answered_as_it_says_and_nothing_is_a_defect(service: Running) -> None:
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{service.client.base_url}/openapi.json"]
    command += ["--header", f"Authorization: {service.client.headers['authorization']}", "--exclude-checks", LEFT_OUT]
    command += ["--max-examples", "5", "--phases", "examples,coverage,fuzzing", "--generation-deterministic"]
    report = service.folder / "answered.ndjson"
    command += ["--exclude-path-regex", "stream", "--report", "ndjson", "--report-ndjson-path", str(report)]
    done = subprocess.run(command, cwd=service.folder, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout[-5_000:]
    told = statuses(report)
    assert told.keys() == {operation for operation in operations(service) if "stream" not in operation}
    assert {operation for operation, codes in told.items() if min(codes) >= 300} == NEVER_FINE.keys()
    assert 429 not in set().union(*told.values())


def statuses(report: Path) -> dict[str, set[int]]:
    """Whatever each operation answered."""
    told: dict[str, set[int]] = {}
    for line in report.read_text("utf-8").splitlines():
        scenario = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for asked in scenario.get("interactions", {}).values():
            told.setdefault(scenario["label"], set()).add(asked["response"]["status_code"])
    return told


def operations(service: Running) -> dict[str, dict[str, Any]]:
    """As the OpenAPI tells them, by method and path."""
    paths = service.get("/openapi.json").json()["paths"]
    return {f"{method.upper()} {path}": told for path, methods in paths.items() for method, told in methods.items()}


@pytest.fixture
def on_postgresql(tmp_path: Path, postgres_url: str) -> Iterator[Running]:
    settings = {"MARQUEE_WORKERS": 2, "MARQUEE_DATABASE_URL": postgres_url}
    with running(tmp_path, saved(tmp_path / "model"), settings, MARQUEE) as service:
        until(lambda: len(service.workers()) == 2, service.logged)
        yield service


@pytest.mark.parametrize("store", ["service", "on_postgresql"])
def test_an_event_taken_by_one_worker_is_in_the_next_list_of_any(store: str, request: pytest.FixtureRequest) -> None:
    service: Running = request.getfixturevalue(store)
    with to_each_worker(service) as workers:
        for number, (one, other) in enumerate([workers, workers[::-1]] * 3):
            first, *_ = (listed(worker)[0] for worker in workers)
            event = an_event(f"any-{number}", user_id=9, title_id=first, kind="watch_finished")
            assert one.post("/events", json={"events": [event]}).json()["accepted"] == 1
            assert first not in listed(other) + listed(one)


def listed(worker: httpx.Client) -> list[int]:
    answer = worker.post("/recommend", json={"user_id": 9, "k": 5})
    return [title["title_id"] for title in answer.json()["titles"]]


def send(service: Running, first: int, count: int) -> set[str]:
    """Events one after another, through whatever worker is there; which of them were acknowledged."""
    acknowledged = set()
    for number in range(first, first + count):
        event_id = f"kill-{number}"
        try:
            with httpx.Client(base_url=service.client.base_url, headers=service.client.headers, timeout=30) as client:
                answer = client.post("/events", json={"events": [an_event(event_id, user_id=10, kind="opened")]})
        except httpx.TransportError:
            continue
        if answer.status_code == 200 and answer.json()["accepted"] == 1:
            acknowledged.add(event_id)
    return acknowledged


def test_a_worker_that_is_killed_loses_no_event_that_it_acknowledged_and_another_takes_its_place(
    service: Running,
) -> None:
    """The last one of this file: it ends the service."""
    before = service.workers()
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(send, service, 1_000 * part, 60) for part in range(4)]
        until(lambda: "kill-5" in stored(service), lambda: "no event arrives")
        os.kill(before[0], signal.SIGKILL)
        acknowledged = set().union(*(part.result() for part in sent))
    assert acknowledged
    assert acknowledged <= stored(service)
    until(lambda: len(service.workers()) == 2, service.logged)
    assert set(service.workers()) != set(before)
    assert service.stop() == 0
    assert "Traceback" not in service.logged()


def stored(service: Running) -> set[str]:
    with EventStore(service.database_url, shipped_params().events, None) as store:
        return {event.event_id for event in store.since(0, 100_000)}


def test_an_address_that_others_can_reach_is_not_listened_to_without_a_key(tmp_path: Path) -> None:
    environment = os.environ | {"MARQUEE_DATABASE_URL": f"sqlite:///{tmp_path}/e.db", "MARQUEE_STATE": str(tmp_path)}
    environment |= {"BENTOML_HOME": str(tmp_path / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
    command = [sys.executable, "-m", "bentoml", "serve", "marquee.serve.service:marquee", "--host", "0.0.0.0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode != 0
    assert "there is no API key" in done.stderr
    assert "Traceback" not in done.stderr
