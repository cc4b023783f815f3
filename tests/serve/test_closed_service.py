"""The service as `marquee serve` starts it, closed by a key, with two workers on one SQLite store: who may what, a list
that follows an event whichever worker took it, and a worker that is killed while events come in."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

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
    settings = {"MARQUEE_WORKERS": 2, "MARQUEE_RATE": 60, "MARQUEE_BURST": 100}
    with running(folder, saved(folder / "model"), settings, MARQUEE) as service:
        service.client.headers["authorization"] = f"Bearer {admin}"
        until(lambda: len(service.workers()) == 2, service.logged)
        yield service


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def bearing(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def known(service: Running, key: str, path: str = "/model") -> bool:
    """To both workers: each reads the keys anew on its own."""
    return all(service.get(path, headers=bearing(key)).status_code == 200 for _ in range(20))


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
    until(lambda: known(service, key), lambda: "the new key is not known")
    keys.revoke(key.split("_")[1], NOW)
    until(
        lambda: all(service.get("/model", headers=bearing(key)).status_code == 401 for _ in range(20)),
        lambda: "the revoked key is still good",
    )
    assert service.post("/recommend", {"user_id": 6}, headers=bearing(key)).status_code == 401


def test_a_viewer_reads_and_writes_their_own_data_alone(service: Running) -> None:
    token = service.client.post("/viewers/6/token").json()["token"]
    own = bearing(token)
    assert service.post("/recommend", {"user_id": 6}, headers=own).status_code == 200
    assert service.get("/viewers/6", headers=own).status_code == 200
    assert service.get("/viewers/6/export", headers=own).status_code == 200
    assert service.post("/events", {"events": [an_event("own")]}, headers=own).status_code == 200
    for path, body in (
        ("/recommend", {"user_id": 7}),
        ("/shelves", {"user_id": 7}),
        ("/stars", {"user_id": 7, "title_ids": [5]}),
        ("/search", {"query": "crime", "user_id": 7}),
        ("/similar", {"title_id": 5, "user_id": 7}),
        ("/finished", {"user_id": 7, "title_id": 5}),
        ("/events", {"events": [an_event("mine"), an_event("theirs", user_id=7)]}),
        ("/sign_up", {}),
        ("/viewers/7/token", None),
    ):
        assert refused(service.post(path, body, headers=own)) == (403, "forbidden"), path
    for path in ("/viewers/7", "/viewers/7/export", "/viewers/7/stream"):
        assert refused(service.get(path, headers=own)) == (403, "forbidden"), path
    by_address = httpx.get(service.client.base_url.join(f"/viewers/7/stream?token={token}"))
    assert refused(by_address) == (403, "forbidden")
    assert refused(service.client.delete("/viewers/7", headers=own)) == (403, "forbidden")


def test_who_asks_too_often_is_told_when_to_come_back(service: Running) -> None:
    token = service.client.post("/viewers/8/token").json()["token"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.get("/model", headers=bearing(token)), range(2_000)))
    late = [answer for answer in answers if answer.status_code != 200]
    assert {refused(answer) for answer in late} == {(429, "too_many_requests")}
    assert {answer.headers["retry-after"] for answer in late} == {"1"}
    assert service.get("/model").status_code == 200


# A schema cannot say that one year is before another, and a bad event is refused in a reply that is fine.
LEFT_OUT = "positive_data_acceptance,negative_data_rejection"


def test_whatever_the_openapi_allows_is_answered_as_it_says_and_nothing_is_a_defect(service: Running) -> None:
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{service.client.base_url}/openapi.json"]
    command += ["--header", f"Authorization: {service.client.headers['authorization']}", "--exclude-checks", LEFT_OUT]
    command += ["--max-examples", "5", "--phases", "examples,coverage,fuzzing", "--generation-deterministic"]
    command += ["--exclude-path-regex", "stream"]
    done = subprocess.run(command, cwd=service.folder, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout[-5_000:]


def test_an_event_taken_by_one_worker_is_in_the_next_list_of_any(service: Running) -> None:
    for number in range(10):
        listed = service.post("/recommend", {"user_id": 9, "k": 5}).json()["titles"]
        title_id = listed[0]["title_id"]
        event = an_event(f"any-{number}", user_id=9, title_id=title_id, kind="watch_finished")
        with httpx.Client(base_url=service.client.base_url, headers=service.client.headers) as other:
            assert other.post("/events", json={"events": [event]}).json()["accepted"] == 1
        with httpx.Client(base_url=service.client.base_url, headers=service.client.headers) as another:
            after = another.post("/recommend", json={"user_id": 9, "k": 5}).json()["titles"]
        assert title_id not in [title["title_id"] for title in after]


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
