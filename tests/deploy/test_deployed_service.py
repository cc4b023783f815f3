"""The service as the manifests start it, and whoever asks it without a key."""

from tests.deploy.conftest import Deployed
from tests.deploy.programs import in_kubernetes, of_kind


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
    assert deployed.service.post("/recommend", {"user_id": 6}, headers=deployed.with_key).status_code == 200


def test_a_replica_writes_nothing_into_the_folder_that_all_share(deployed: Deployed) -> None:
    assert deployed.service.get("/operator/me").status_code == 401
    assert not deployed.state.exists()
