"""The parts of Marquee that run: each as a program with its command, its environment, its port and its probe.

A new part is one function here, its name in Part, and its port in Ports. Each keeps what it has under state/, tells
nobody that it runs, and listens on loopback alone.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

import httpx

from marquee import logs
from marquee.data.watch_simulator import PATH
from marquee.up.databases import Databases, databases
from marquee.up.together import Program

HOST = "127.0.0.1"
SERVICE = "marquee.serve.service:marquee"
FLOWS = Path("flows/serve.py")

_QUIET = {
    "DO_NOT_TRACK": "1",
    "BENTOML_DO_NOT_TRACK": "True",
    "DVC_NO_ANALYTICS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}
_FRUGAL = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "OPENBLAS_NUM_THREADS": "1"}
_READABLE = {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"}


class Part(StrEnum):
    SERVICE = "service"
    REGISTRY = "registry"
    WATCH_API = "watch-api"
    FLOWS = "flows"
    DRIFT = "drift"


@dataclass(frozen=True)
class Ports:
    service: int
    registry: int = 5000
    watch_api: int = 8765
    flows: int = 4200
    drift: int = 8000

    def moved(self, by: int) -> "Ports":
        return Ports(*(port + by for port in astuple(self)))


@dataclass(frozen=True)
class House:
    """`parts` of them run; `surroundings` is the environment that all of them get."""

    parts: frozenset[Part]
    ports: Ports
    state: Path
    database_url: str
    surroundings: Mapping[str, str]

    @property
    def databases(self) -> Databases:
        """Clients of MLflow ask the database itself; its server only shows it, and tells the service."""
        return databases(self.database_url, self.state)

    @property
    def registered(self) -> Path:
        """Where MLflow's files lie."""
        return self.state / "registry"

    @property
    def addresses(self) -> dict[Part, str]:
        ports = self.ports
        known = {
            Part.SERVICE: _address(ports.service),
            Part.REGISTRY: _address(ports.registry),
            Part.WATCH_API: _address(ports.watch_api, PATH),
            Part.FLOWS: _address(ports.flows),
            Part.DRIFT: _address(ports.drift),
        }
        return {part: address for part, address in known.items() if part in self.parts}

    def programs(self) -> list[Program]:
        made = {
            Part.REGISTRY: _registry,
            Part.WATCH_API: _watch_api,
            Part.SERVICE: _service,
            Part.FLOWS: _flows,
            Part.DRIFT: _drift,
        }
        return [program for part, programs in made.items() if part in self.parts for program in programs(self)]

    def told(self, names: Mapping[Part, str]) -> dict[str, str]:
        """The addresses of those parts that run, by the variable that tells them."""
        return {names[part]: address for part, address in self.addresses.items() if part in names}

    def environment(self, **more: str) -> dict[str, str]:
        own = {
            "PREFECT_HOME": f"{self.state}/prefect",
            "BENTOML_HOME": f"{self.state}/bentoml",
            "MARQUEE_STATE": str(self.state),
            "MARQUEE_DATABASE_URL": self.database_url,
        }
        return {**self.surroundings, **_QUIET, **_FRUGAL, **_READABLE, **own, **more}


def all_parts() -> frozenset[Part]:
    """Where flows lie beside the package, as in the project, they run too; Evidently where it is installed."""
    absent = {Part.FLOWS: not FLOWS.is_file(), Part.DRIFT: find_spec("evidently") is None}
    return frozenset(part for part in Part if not absent.get(part))


def _registry(house: House) -> Iterator[Program]:
    port = house.ports.registry
    # Its URL may hold a password: whoever lists programs sees their words, but not their environment.
    environment = house.environment(MLFLOW_BACKEND_STORE_URI=house.databases.mlflow)
    command = _python("mlflow", "server", "--default-artifact-root", house.registered.as_uri())
    command += ["--no-serve-artifacts", "--workers", "1", "--host", HOST, "--port", str(port)]
    command += ["--uvicorn-opts", "--log-level warning"]
    yield Program("registry", command, environment, _answers(port, "/health"), port)


def _watch_api(house: House) -> Iterator[Program]:
    port = house.ports.watch_api
    command = _marquee("watch-api", "--port", str(port))
    yield Program("watch-api", command, house.environment(), _answers(port, "/"), port)


def _service(house: House) -> Iterator[Program]:
    port = house.ports.service
    own = {"MARQUEE_PORT": str(port)}
    after = []
    if Part.REGISTRY in house.parts:
        own["MARQUEE_REGISTRY_URL"] = _address(house.ports.registry)
        after = ["registry"]
    pages = {Part.FLOWS: "MARQUEE_PREFECT_URL", Part.DRIFT: "MARQUEE_EVIDENTLY_URL"}
    own |= house.told(pages)
    command = _python("bentoml", "serve", SERVICE)
    yield Program("service", command, house.environment(**own), _answers(port, "/readyz"), port, after)


def _flows(house: House) -> Iterator[Program]:
    port = house.ports.flows
    api = _address(port, "/api")
    own = {"PREFECT_API_URL": api, "PREFECT_SERVER_UI_API_URL": api, "PREFECT_SERVER_LOGGING_LEVEL": "WARNING"}
    own |= {"MARQUEE_REGISTRY_URL": house.databases.mlflow, **logs.for_prefect(house.surroundings)}
    names = {Part.SERVICE: "MARQUEE_SERVICE_URL", Part.WATCH_API: "MARQUEE_WATCH_API_URL"}
    pages = {Part.REGISTRY: "MARQUEE_MLFLOW_URL", Part.DRIFT: "MARQUEE_EVIDENTLY_URL"}
    environment = house.environment(**own, **house.databases.prefect, **house.told({**names, **pages}))
    # What `prefect server start` runs, without its banner.
    server = _python("uvicorn", "--factory", "prefect.server.api.server:create_app", "--log-level", "warning")
    server += ["--host", HOST, "--port", str(port)]
    yield Program("prefect", server, environment, _answers(port, "/api/health"), port)
    yield Program("flows", _python("flows.serve"), environment, _Polled(api), after=["prefect"])


def _drift(house: House) -> Iterator[Program]:
    port = house.ports.drift
    # What `evidently ui` runs, without a line for each request.
    code = """import sys, uvicorn
from evidently.ui.service.app import create_app, get_config
_, host, port, folder = sys.argv
uvicorn.run(create_app(get_config(host, int(port), folder)), host=host, port=int(port), log_level="warning")"""
    command = [sys.executable, "-c", code, HOST, str(port), str(house.state / "evidently")]
    yield Program("drift", command, house.environment(), _answers(port, "/"), port)


def _answers(port: int, path: str) -> "_Answers":
    return _Answers(_address(port, path))


@dataclass(frozen=True)
class _Answers:
    url: str

    def __call__(self) -> bool:
        try:
            return httpx.get(self.url, timeout=5, trust_env=False).status_code < 500
        except httpx.TransportError:
            return False


class _Polled:
    """Ready when somebody has asked Prefect's server for runs of its deployments since this was made."""

    def __init__(self, api: str) -> None:
        self._url = f"{api}/deployments/filter"
        self._since = datetime.now(UTC)

    def __call__(self) -> bool:
        try:
            answer = httpx.post(self._url, json={}, timeout=5, trust_env=False)
            polled = [each.get("last_polled") for each in answer.json()]
        except (httpx.TransportError, ValueError):
            return False
        return any(at and datetime.fromisoformat(at) > self._since for at in polled)


def _address(port: int, path: str = "") -> str:
    return f"http://{HOST}:{port}{path}"


def _python(module: str, *words: str) -> list[str]:
    return [sys.executable, "-m", module, *words]


def _marquee(*words: str) -> list[str]:
    return [sys.executable, "-c", "from marquee.cli import main; main()", *words]
