"""The service as the manifests start it: their environment, a real PostgreSQL, and whoever asks without a key."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import URL

from marquee.data.api_keys import ApiKeys
from tests.deploy.programs import in_kubernetes, of_kind
from tests.serve.running import MARQUEE, Running, free_port, running, saved


@dataclass(frozen=True)
class Deployed:
    service: Running
    key: str
    state: Path


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, postgres: URL) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("deployed")
    url = postgres.render_as_string(hide_password=False)
    with ApiKeys(url) as keys:
        key = keys.create("page", ["read"], datetime.now(UTC))
    told = {name: value for name, value in in_kubernetes()["service"].environment.items() if name != "MARQUEE_PORT"}
    told |= {"MARQUEE_DATABASE_URL": url, "MARQUEE_STATE": str(folder / "state")}
    # Nobody is there: the registry may be away when a replica starts.
    told |= {"MARQUEE_REGISTRY_URL": f"http://127.0.0.1:{free_port()}", "BENTOML_HOME": str(folder / "bentoml")}
    with running(folder, saved(folder / "model"), told, MARQUEE) as service:
        yield Deployed(service, key, folder / "state")


def test_probes_and_prometheus_are_answered_without_a_key(deployed: Deployed) -> None:
    (workload,) = (each for each in of_kind("Deployment") if each["metadata"]["name"] == "service")
    scraped = workload["spec"]["template"]["metadata"]["annotations"]["prometheus.io/path"]
    asked = {path for _, path in in_kubernetes()["service"].probes} | {scraped}
    assert {path: deployed.service.get(path).status_code for path in asked} == {
        "/livez": 200,
        "/readyz": 200,
        "/metrics": 200,
    }


def test_a_viewers_list_is_told_to_who_has_a_key_alone(deployed: Deployed) -> None:
    assert deployed.service.post("/recommend", {"user_id": 6}).status_code == 401
    with_key = {"authorization": f"Bearer {deployed.key}"}
    assert deployed.service.post("/recommend", {"user_id": 6}, headers=with_key).status_code == 200


def test_a_replica_writes_nothing_into_the_folder_that_all_share(deployed: Deployed) -> None:
    assert deployed.service.get("/operator/me").status_code == 401
    assert not deployed.state.exists()
