"""The registry: MLflow knows every model that was registered, which is champion, and which was it before.

Its URL is a server's (http://...) or its database's (sqlite:///...): both tell of the same models, as their files are
plain folders that either can reach. A model is copied when it is registered, so fitting anew harms no champion.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from marquee.errors import RegistryError
from marquee.model.folder import fingerprint_of, load_model

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL = "marquee"
CHAMPION, PREVIOUS = "champion", "previous"
_EXPERIMENT = "marquee"
_AT_ONCE = 100  # params that MLflow takes in one call


def register(url: str, folder: Path) -> str:
    """The number of the new version; ModelError if the folder is no whole model."""
    contents = load_model(folder)
    with _client(url) as client:
        run_id = client.create_run(_experiment(client, url)).info.run_id
        _log_params(client, run_id, yaml.safe_load(contents.texts["params.yaml"]))
        client.log_artifacts(run_id, str(folder), "model")
        client.set_terminated(run_id)
        source = f"{client.get_run(run_id).info.artifact_uri}/model"
        _make_model(client)
        tags = {"fingerprint": fingerprint_of(folder)}
        return str(client.create_model_version(MODEL, source, run_id, tags=tags, await_creation_for=0).version)


def register_new(url: str, folder: Path) -> str | None:
    """The number of its version; None if a model of the same bytes was registered before."""
    with _client(url) as client:
        known = client.search_model_versions(f"name='{MODEL}' and tags.fingerprint='{fingerprint_of(folder)}'")
    return None if known else register(url, folder)


def promote(url: str, version: str) -> None:
    """Makes it champion; who was it until now can be rolled back to."""
    with _client(url) as client:
        now = _alias(client, CHAMPION)
        if now == version:
            return
        client.get_model_version(MODEL, version)
        if now is not None:
            client.set_registered_model_alias(MODEL, PREVIOUS, now)
        client.set_registered_model_alias(MODEL, CHAMPION, version)


def roll_back(url: str) -> str:
    """The version that is champion again; rolling back twice is where it began."""
    with _client(url) as client:
        previous = _alias(client, PREVIOUS)
    if previous is None:
        raise RegistryError(f"no champion before the one of now in the registry {MODEL!r}: there is none to go back to")
    promote(url, previous)
    return previous


def champion(url: str) -> str | None:
    with _client(url) as client:
        return _alias(client, CHAMPION)


@contextmanager
def _client(url: str) -> "Iterator[MlflowClient]":
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    from mlflow import MlflowClient  # noqa: PLC0415 - takes seconds
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    try:
        yield MlflowClient(url, url)
    except MlflowException as error:
        said = " ".join(str(error).split())
        raise RegistryError(f"registry {url}: {said}; see that it runs, and that the version is there") from error


def _alias(client: "MlflowClient", alias: str) -> str | None:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        return str(client.get_model_version_by_alias(MODEL, alias).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _make_model(client: "MlflowClient") -> None:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        client.create_registered_model(MODEL)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _experiment(client: "MlflowClient", url: str) -> str:
    """Its files lie beside an SQLite database; of a server, where that says."""
    known = client.get_experiment_by_name(_EXPERIMENT)
    if known is not None:
        return str(known.experiment_id)
    beside = (
        Path(url.removeprefix("sqlite:///")).resolve().parent / "registry" if url.startswith("sqlite:///") else None
    )
    return str(client.create_experiment(_EXPERIMENT, artifact_location=beside.as_uri() if beside else None))


def _log_params(client: "MlflowClient", run_id: str, tree: Mapping[str, Any]) -> None:
    from mlflow.entities import Param  # noqa: PLC0415

    params = [Param(name, str(value)) for name, value in _flat(tree)]
    for first in range(0, len(params), _AT_ONCE):
        client.log_batch(run_id, params=params[first : first + _AT_ONCE])


def _flat(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
