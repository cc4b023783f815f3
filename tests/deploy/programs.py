"""What deploy/ runs, read from the compose file and from Kubernetes' objects into one shape."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
SECRETS = {  # what a secret is told to programs as, and a value that is one
    "MARQUEE_DATABASE_URL": "postgresql://marquee:secret@db.example/marquee",
    "MARQUEE_TOKEN_SECRET": "0123456789abcdef0123456789abcdef",
    "MARQUEE_SERVICE_KEY": "mq_1234_secret",
    "MLFLOW_BACKEND_STORE_URI": "postgresql+psycopg://marquee:secret@db.example/mlflow",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://marquee:secret@db.example/prefect",
}
GIVEN = {  # what else is said when it is deployed, if at all
    "MARQUEE_WATCH_API_URL": "https://watch.example/now",
    "MARQUEE_WEBHOOK_URL": "https://alarm.example/marquee",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example:4318",
    "PREFECT_SERVER_UI_API_URL": "http://127.0.0.1:4200/api",
}


@dataclass(frozen=True)
class Program:
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    by_reference: frozenset[str]  # of them what does not stand in a file
    mounts: Mapping[str, bool]  # by path, whether it may be written
    replicas: int = 1
    ports: tuple[int, ...] = ()
    probes: tuple[tuple[int, str], ...] = field(default=())


@cache
def objects() -> tuple[Mapping[str, Any], ...]:
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return tuple(each for file in files for each in yaml.safe_load_all(file.read_text("utf-8")))


@cache
def compose() -> Mapping[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8")))


def of_kind(kind: str) -> list[Mapping[str, Any]]:
    return [each for each in objects() if each["kind"] == kind]


def in_kubernetes() -> dict[str, Program]:
    return {program.name: program for each in objects() if "template" in each.get("spec", {}) for program in _of(each)}


def in_compose() -> dict[str, Program]:
    return {name: _of_compose(name, told) for name, told in compose()["services"].items()}


def _of(workload: Mapping[str, Any]) -> Iterator[Program]:
    (settings,) = (each["data"] for each in of_kind("ConfigMap"))
    for told in workload["spec"]["template"]["spec"]["containers"]:
        own = {each["name"]: each for each in told.get("env", ())}
        referred = frozenset(name for name, each in own.items() if "valueFrom" in each)
        known = {**SECRETS, **GIVEN}
        values = {name: known[name] if name in referred else each["value"] for name, each in own.items()}
        ports = {port["name"]: port["containerPort"] for port in told.get("ports", ())}
        probes = (told[key]["httpGet"] for key in told if key.endswith("Probe"))
        yield Program(
            told["name"],
            tuple(told["command"]),
            {**(settings if told.get("envFrom") else {}), **values},
            referred,
            {mount["mountPath"]: not mount.get("readOnly", False) for mount in told.get("volumeMounts", ())},
            workload["spec"].get("replicas", 1),
            tuple(ports.values()),
            tuple((ports[probe["port"]], probe["path"]) for probe in probes),
        )


def _of_compose(name: str, told: Mapping[str, Any]) -> Program:
    environment = {key: str(value) for key, value in told.get("environment", {}).items()}
    referred = frozenset(key for key, value in environment.items() if value.startswith("${"))
    known = {**SECRETS, **GIVEN}
    test = " ".join(told.get("healthcheck", {}).get("test", ()))
    return Program(
        name,
        tuple(told["command"]),
        {key: known[key] if key in referred else value for key, value in environment.items()},
        referred,
        {mount.split(":")[1]: not mount.endswith(":ro") for mount in told.get("volumes", ())},
        told.get("deploy", {}).get("replicas", 1),
        tuple(int(mapped.rsplit(":", 1)[1]) for mapped in told.get("ports", ())),
        tuple((int(port), path) for port, path in re.findall(r"http://127\.0\.0\.1:(\d+)(/[\w/]*)", test)),
    )
