"""A service as the manifests start it: their environment, a real PostgreSQL, and one key."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import URL

from marquee.data.api_keys import ApiKeys
from tests.deploy.programs import in_kubernetes
from tests.serve.running import MARQUEE, Running, free_port, running, saved


@dataclass(frozen=True)
class Deployed:
    service: Running
    key: str
    state: Path

    @property
    def with_key(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory, postgres: URL) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("deployed")
    url = postgres.render_as_string(hide_password=False)
    with ApiKeys(url) as keys:
        key = keys.create("page", ["read", "write"], datetime.now(UTC))
    told = {name: value for name, value in in_kubernetes()["service"].environment.items() if name != "MARQUEE_PORT"}
    told |= {"MARQUEE_DATABASE_URL": url, "MARQUEE_STATE": str(folder / "state")}
    # Nobody is there: the registry may be away when a replica starts.
    told |= {"MARQUEE_REGISTRY_URL": f"http://127.0.0.1:{free_port()}", "BENTOML_HOME": str(folder / "bentoml")}
    with running(folder, saved(folder / "model"), told, MARQUEE) as service:
        yield Deployed(service, key, folder / "state")
