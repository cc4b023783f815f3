"""The service as `bentoml serve` starts it, open on loopback: every endpoint, every refusal, streams, and its end."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from marquee.data.events import EventStore
from marquee.serve.worker import now, shipped_params
from tests.serve.conftest import NEW, near_copy
from tests.serve.running import Running, an_event, running, until

VIEWER = 6


@pytest.fixture(scope="module")
def service(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("service")
    settings = {"MARQUEE_BODY_LIMIT": 50_000, "MARQUEE_RATE": 60, "MARQUEE_BURST": 100}
    with running(folder, model_folder, settings) as service:
        yield service


def error(answer: httpx.Response) -> dict[str, str]:
    assert list(answer.json()) == ["error"]
    told: dict[str, str] = answer.json()["error"]
    assert told["request_id"] == answer.headers["x-request-id"]
    assert {"code", "message", "request_id"} <= told.keys() <= {"code", "message", "request_id", "where"}
    return told


def listed(service: Running, user_id: int = VIEWER, **more: object) -> list[dict[str, Any]]:
    answer = service.post("/recommend", {"user_id": user_id, "k": 10} | more)
    assert answer.status_code == 200, answer.text
    titles: list[dict[str, Any]] = answer.json()["titles"]
    return titles


def ids(titles: list[dict[str, Any]]) -> list[int]:
    return [title["title_id"] for title in titles]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/recommend", {"user_id": VIEWER, "k": 3, "explain": True}),
        ("/shelves", {"user_id": VIEWER, "k": 3}),
        ("/similar", {"title_id": 5, "k": 3}),
        ("/stars", {"user_id": VIEWER, "title_ids": [5, 6]}),
        ("/search", {"query": "comedies 3"}),
    ],
)
def test_what_is_asked_is_answered_and_names_the_model_it_comes_from(
    service: Running, path: str, body: dict[str, object]
) -> None:
    answer = service.post(path, body)
    assert answer.status_code == 200, answer.text
    version = service.get("/model").json()["version"]
    assert answer.json()["model"] == answer.headers["x-model-version"] == version


@pytest.mark.parametrize("path", ["/titles/5", f"/viewers/{VIEWER}", f"/viewers/{VIEWER}/export", "/model"])
def test_what_lies_at_an_address_is_read(service: Running, path: str) -> None:
    assert service.get(path).status_code == 200


def test_a_finished_title_is_not_in_the_list_that_answers_it_nor_in_any_later_one(service: Running) -> None:
    (first, *_) = ids(listed(service, 7))
    answer = service.post("/finished", {"user_id": 7, "title_id": first, "rating": 4.5, "k": 10})
    assert answer.status_code == 200
    assert first not in ids(answer.json()["next"]["titles"])
    assert first not in ids(listed(service, 7))


@pytest.mark.parametrize(("kind", "user_id"), [("disliked", 1), ("not_interested", 2), ("abandoned", 3)])
def test_a_dislike_never_raises_the_title_or_its_near_copies(service: Running, kind: str, user_id: int) -> None:
    before = ids(listed(service, user_id, k=30))
    disliked = next(near_copy(title) for title in before if title < NEW[0] and near_copy(title) in before)
    above = before.index(near_copy(disliked))
    events = [an_event(f"no-{kind}", user_id=user_id, kind=kind, title_id=disliked)]
    assert service.post("/events", {"events": events}).json()["accepted"] == 1
    after = listed(service, user_id, k=1000)
    assert disliked not in ids(after)
    assert ids(after).index(near_copy(disliked)) > above
    candidates = [title["title_id"] for title in after if title["score"] is not None]
    assert candidates[-1] == near_copy(disliked)


def test_an_event_sent_twice_counts_once_and_a_bad_one_is_told_with_its_reason(service: Running) -> None:
    events = [an_event("twice"), an_event("twice"), an_event("bad", kind="sung"), "no event", an_event("\ud800")]
    body, is_json = json.dumps({"events": events}), {"content-type": "application/json"}
    told = service.client.post("/events", content=body, headers=is_json).json()
    assert (told["accepted"], told["duplicates"]) == (1, 1)
    assert [refused["index"] for refused in told["refused"]] == [2, 3, 4]


def test_a_body_that_does_not_say_it_is_json_is_refused_with_the_way_out(service: Running) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    refused = service.client.post("/recommend", content=b'{"user_id": 7}', headers=form)
    assert refused.status_code == 422
    assert "`content-type: application/json` says so" in refused.json()["error"]["message"]
    assert refused.json()["error"]["where"] == "content-type"


def test_a_new_viewer_is_signed_up_and_forgotten(service: Running) -> None:
    user_id = service.post("/sign_up", {"favourites": [1, 2, 3], "k": 5}).json()["user_id"]
    assert service.get(f"/viewers/{user_id}").json()["known"]
    assert service.client.delete(f"/viewers/{user_id}").json()["events"] >= 3
    assert not service.get(f"/viewers/{user_id}").json()["known"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_json"),
        (b"\xc3\x28", 400, "bad_request"),
        (b"[" * 40_000, 400, "bad_request"),
        (b'{"user_id": 1' + b"0" * 5_000 + b"}", 400, "bad_request"),
        (b"", 422, "invalid_request"),
        (b"[]", 422, "invalid_request"),
        (b"{}", 422, "invalid_request"),
        (b'{"user_id": "6"}', 422, "invalid_request"),
        (b'{"user_id": null}', 422, "invalid_request"),
        (b'{"user_id": 6, "k": -1}', 422, "invalid_request"),
        (b'{"user_id": 6, "k": 1e9}', 422, "invalid_request"),
        (b'{"user_id": 6, "k": NaN}', 422, "invalid_request"),
        (b'{"user_id": 6, "sort": "best"}', 422, "invalid_request"),
        (b"x" * 50_001, 413, "body_too_large"),
    ],
)
def test_a_bad_body_is_refused_in_one_shape(service: Running, body: bytes, status: int, code: str) -> None:
    answer = service.client.post("/recommend", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, error(answer)["code"]) == (status, code)


def test_a_body_that_does_not_say_how_large_it_is_is_refused_when_it_grows_too_large(service: Running) -> None:
    pieces = (b"x" * 10_000 for _ in range(100))
    answer = service.client.post("/recommend", content=pieces, headers={"content-type": "application/json"})
    assert (answer.status_code, error(answer)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/titles/424242", 404, "not_found"),
        ("GET", "/titles/emoji🍿", 422, "invalid_request"),
        ("GET", "/titles/a%2Fb", 404, "not_found"),
        ("GET", "/titles/5.0", 422, "invalid_request"),
        ("GET", "/titles/+5", 422, "invalid_request"),
        ("GET", "/titles/1_0", 422, "invalid_request"),
        ("GET", "/titles/-5", 422, "invalid_request"),
        ("GET", "/viewers/0", 422, "invalid_request"),
        ("GET", "/recommend", 405, "method_not_allowed"),
        ("POST", "/model", 405, "method_not_allowed"),
        ("PATCH", "/metrics", 405, "method_not_allowed"),
        ("PUT", "/healthz", 405, "method_not_allowed"),
        ("POST", "/livez", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there_is_refused_in_one_shape_by_whoever_refuses_it(
    service: Running, method: str, path: str, status: int, code: str
) -> None:
    answer = service.client.request(method, path)
    assert (answer.status_code, error(answer)["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/recommend", "POST"),
        ("/viewers/6", "GET, HEAD, DELETE"),
        ("/viewers/6/stream", "GET"),
        ("/page/key", "POST, DELETE"),
        ("/", "GET, HEAD"),
    ],
)
def test_who_takes_the_wrong_method_is_told_all_that_are_right(service: Running, path: str, allowed: str) -> None:
    answer = service.client.patch(path)
    assert (answer.status_code, answer.headers.get_list("allow")) == (405, [allowed])


@pytest.mark.parametrize("path", ["/", "/titles/5", "/titles/424242", "/readyz", "/livez", "/metrics"])
def test_a_head_is_answered_as_a_get_without_its_body(service: Running, path: str) -> None:
    whole, head = service.get(path), service.client.head(path)
    assert (head.status_code, head.headers["content-type"]) == (whole.status_code, whole.headers["content-type"])
    assert head.content == b""
    assert service.client.head("/viewers/6/stream").status_code == 405


def test_where_a_request_is_wrong_is_told(service: Running) -> None:
    answer = service.post("/recommend", {"user_id": 6, "filters": {"kind": "opera"}})
    assert error(answer)["where"] == "body.filters.kind"


@pytest.mark.parametrize("given", ["Basic YTpi", "Bearer", "Bearer mq_1_2", "Bearer x.y.z", "mq_1_2", ""])
def test_a_credential_that_is_none_is_refused_even_where_none_is_needed(service: Running, given: str) -> None:
    answer = service.get("/model", headers={"authorization": given})
    assert (answer.status_code, error(answer)["code"]) == (401, "unauthorised")


def test_who_asks_too_often_is_told_when_to_come_back_and_nobody_else_is(service: Running) -> None:
    often, seldom = (
        {"authorization": f"Bearer {service.client.post(f'/viewers/{user_id}/token').json()['token']}"}
        for user_id in (8, 9)
    )
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.get("/model", headers=often), range(1_000)))
    late = [answer for answer in answers if answer.status_code != 200]
    assert {(answer.status_code, error(answer)["code"]) for answer in late} == {(429, "too_many_requests")}
    assert {answer.headers["retry-after"] for answer in late} == {"1"}
    assert service.get("/model", headers=seldom).status_code == 200


def test_a_request_keeps_its_name(service: Running) -> None:
    assert service.get("/model", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"


@pytest.mark.parametrize("path", ["/livez", "/healthz", "/readyz", "/metrics"])
def test_probes_answer(service: Running, path: str) -> None:
    assert service.get(path).status_code == 200


def test_prometheus_is_told_of_routes_and_not_of_whatever_address_somebody_types(service: Running) -> None:
    service.get("/titles/5")
    service.get("/made/up/address")
    told = service.get("/metrics").text
    assert 'marquee_requests_total{endpoint="/titles/{title_id}",status="200"}' in told
    assert 'marquee_requests_total{endpoint="other",status="404"}' in told
    assert "made" not in told
    for name in ("marquee_model_since_seconds", "marquee_degraded", "marquee_store_position", "marquee_shown_waiting"):
        assert name in told


def test_every_endpoint_is_in_the_openapi_with_its_reply_and_the_shape_of_refusals(service: Running) -> None:
    told = service.get("/openapi.json").json()
    assert service.get("/docs.json").json() == told
    wanted = {"/recommend", "/shelves", "/finished", "/events", "/similar", "/stars", "/search", "/sign_up", "/model"}
    assert wanted | {"/titles/{title_id}", "/viewers/{user_id}", "/viewers/{user_id}/stream"} <= told["paths"].keys()
    answers = told["paths"]["/recommend"]["post"]["responses"]
    assert answers["200"]["content"]["application/json"]["schema"]["$ref"].endswith("ListReply")
    assert answers["4XX"]["content"]["application/json"]["schema"]["$ref"].endswith("ErrorReply")


class Listening:
    """A stream read by a thread of its own."""

    def __init__(self, service: Running, path: str, **headers: str) -> None:
        self.lists: list[tuple[int, dict[str, Any]]] = []
        self._thread = Thread(target=self._read, args=(service, path, headers))
        self._thread.start()

    def _read(self, service: Running, path: str, headers: dict[str, str]) -> None:
        url = service.client.base_url.join(path)
        with httpx.stream("GET", url, headers=headers, timeout=60) as answer:
            at = 0
            for line in answer.iter_lines():
                key, _, value = line.partition(": ")
                if key == "id":
                    at = int(value)
                elif key == "data":
                    self.lists.append((at, json.loads(value)))

    def wait_for(self, lists: int) -> None:
        until(lambda: len(self.lists) >= lists, lambda: f"{len(self.lists)} lists came, not {lists}")

    def has_ended(self) -> bool:
        self._thread.join(30)
        return not self._thread.is_alive()


def test_a_viewer_who_listens_gets_a_new_list_for_an_event_by_any_way_and_the_service_ends_in_good_order(
    service: Running,
) -> None:
    """The last one of this file: it ends the service."""
    one, other = (Listening(service, f"/viewers/{user_id}/stream") for user_id in (20, 21))
    one.wait_for(1)
    other.wait_for(1)
    first = one.lists[0][1]["titles"][0]["title_id"]
    service.post("/events", {"events": [an_event("by-http", user_id=20, title_id=first, kind="watch_finished")]})
    one.wait_for(2)
    second = one.lists[1][1]["titles"][0]["title_id"]
    with EventStore(service.database_url, shipped_params().events, None) as store:
        event = an_event("beside", user_id=20, title_id=second, kind="watch_finished")
        store.append([event], now())
    one.wait_for(3)
    gone = [titles["title_id"] for titles in one.lists[2][1]["titles"]]
    assert first not in gone
    assert second not in gone
    assert len(other.lists) == 1
    assert all(before < after for before, after in pairwise(at for at, _ in one.lists))
    shown = {told["list_id"] for _, told in one.lists + other.lists}

    assert service.stop(signal.SIGINT) == 0
    assert one.has_ended()
    assert other.has_ended()
    with EventStore(service.database_url, shipped_params().events, None) as store:
        kept = [event for event in store.since(0, 100_000) if event.kind == "shown"]
    assert shown <= {json.loads(event.detail or "{}").get("list") for event in kept}
    assert "Traceback" not in service.logged()
