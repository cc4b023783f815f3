"""MLflow's REST interface, as far as the registry asks a server that holds one, without MLflow: importing that takes a
service seconds and 200 MB, and a Bento has none. The methods are those of `MlflowClient`, and so are their answers.
"""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any, Self

import httpx

from marquee.errors import RegistryError

_PATIENCE_S = 10.0


@dataclass(frozen=True)
class RegisteredModel:
    aliases: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class ModelVersion:
    version: str
    creation_timestamp: int
    run_id: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class RunInfo:
    artifact_uri: str
    experiment_id: str


@dataclass(frozen=True)
class RunData:
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Run:
    info: RunInfo
    data: RunData


class RestClient:
    """Every method may raise a RegistryError."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = httpx.Client(base_url=f"{url}/api/2.0/mlflow/", timeout=_PATIENCE_S, verify=_certificates())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def search_registered_models(self, filter_string: str) -> list[RegisteredModel]:
        found = self._get("registered-models/search", filter=filter_string).get("registered_models", ())
        return [
            RegisteredModel({of["alias"]: of["version"] for of in told.get("aliases", ())}, _pairs(told, "tags"))
            for told in found
        ]

    def search_model_versions(
        self, filter_string: str, order_by: Sequence[str], max_results: int
    ) -> list[ModelVersion]:
        asked = {"filter": filter_string, "order_by": list(order_by), "max_results": max_results}
        return [_version(told) for told in self._get("model-versions/search", **asked).get("model_versions", ())]

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        return _version(self._get("model-versions/get", name=name, version=version)["model_version"])

    def get_run(self, run_id: str) -> Run:
        told = self._get("runs/get", run_id=run_id)["run"]
        info = RunInfo(told["info"]["artifact_uri"], str(told["info"]["experiment_id"]))
        return Run(info, RunData(_pairs(told["data"], "metrics")))

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        self._ask("POST", "registered-models/set-tag", json={"name": name, "key": key, "value": value})

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self._ask("POST", "registered-models/alias", json={"name": name, "alias": alias, "version": version})

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        self._ask("DELETE", "registered-models/alias", json={"name": name, "alias": alias})

    def _get(self, path: str, **asked: Any) -> Any:
        return self._ask("GET", path, params=asked)

    def _ask(self, method: str, path: str, **asked: Any) -> Any:
        try:
            answer = self._client.request(method, path, **asked)
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise self._refused(f"{type(error).__name__}: {error}") from None
        if answer.is_error:
            raise self._refused(str(told.get("message", told) if isinstance(told, dict) else told))
        return told

    def _refused(self, words: str) -> RegistryError:
        said = " ".join(words.split())
        return RegistryError(f"registry {self._url}: {said}; see that it runs, and that the version is there")


def _version(told: Mapping[str, Any]) -> ModelVersion:
    at = int(told["creation_timestamp"])
    return ModelVersion(str(told["version"]), at, str(told.get("run_id", "")), _pairs(told, "tags"))


def _pairs(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {pair["key"]: pair["value"] for pair in told.get(name, ())}


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: that takes longer than all that is asked."""
    return ssl.create_default_context()
