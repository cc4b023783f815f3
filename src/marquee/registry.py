"""The registry: MLflow knows every model that was registered, which is champion, and which was it before.

Its URL is a server's (http://...) or its database's (sqlite:///...): both tell of the same models, as their files are
plain folders that either can reach. A model is copied when it is registered, so fitting anew harms no champion.
Aliases: `champion` is served, `previous` was before it, `challenger` is the newest that is not champion yet.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import yaml
from sqlalchemy import make_url

from marquee.errors import RegistryError
from marquee.model.folder import fingerprint_of, load_model
from marquee.registry_rest import ModelVersion as RestVersion
from marquee.registry_rest import RestClient

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

MODEL = "marquee"
SCHEMA = "mlflow"  # on PostgreSQL
CHAMPION, PREVIOUS, CHALLENGER = "champion", "previous", "challenger"
_EXPERIMENT = "marquee"
_AT_ONCE = 100  # params that MLflow takes in one call
_AUDIT = "audit "  # how tags begin that tell who became champion, when, and why


@dataclass(frozen=True)
class Beside:
    """What is kept with a model: all that says where it came from and how good it is."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)  # files or folders, by the folder that they are put into
    texts: Mapping[str, str] = field(default_factory=dict)  # by the file that they are put into


@dataclass(frozen=True)
class Version:
    name: str
    aliases: tuple[str, ...]
    registered_at: datetime
    fingerprint: str
    run_id: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """That another version became champion."""

    at: str
    version: str
    before: str | None
    by: str
    why: str


NOTHING = Beside()


def register(url: str, folder: Path, beside: Beside = NOTHING) -> str:
    """The number of the new version; ModelError if the folder is no whole model."""
    contents = load_model(folder)
    with _mlflow(url) as client:
        run_id = client.create_run(_experiment(client, url), tags=dict(beside.tags)).info.run_id
        try:
            _log(client, run_id, folder, yaml.safe_load(contents.texts["params.yaml"]), beside)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)
        _make_model(client)
        # All that is kept is the version: MLflow looks for its signature beside the model.
        source, tags = client.get_run(run_id).info.artifact_uri, {"fingerprint": fingerprint_of(folder), **beside.tags}
        made = client.create_model_version(MODEL, source, run_id, tags=tags, await_creation_for=0)
        client.update_run(run_id, name=f"version {made.version}")
        client.set_registered_model_alias(MODEL, CHALLENGER, made.version)
        return str(made.version)


def beside(database_url: str, state: Path) -> str:
    """Where the registry is if nobody says: a schema of the server that holds the events, or a file in `state`."""
    if not database_url.startswith("postgres"):
        return f"sqlite:///{state}/mlflow.db"
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    return url.update_query_dict({"options": f"-csearch_path={SCHEMA}"}).render_as_string(hide_password=False)


def settle(url: str, folder: Path) -> None:
    """What will be registered is kept in that folder, unless something was registered before."""
    with _mlflow(url) as client:
        if client.get_experiment_by_name(_EXPERIMENT) is None:
            client.create_experiment(_EXPERIMENT, folder.resolve().as_uri())


def promote(  # noqa: PLR0913, PLR0917 - what the audit keeps
    url: str, version: str, by: str, why: str, at: datetime, instead_of: str | None = None
) -> None:
    """Makes it champion; who was it until now can be rolled back to. If `instead_of` is told and another one is
    champion by now, nothing is changed: RegistryError. Done again, also after half of it failed, it comes to the same.
    """
    with _client(url) as client:
        now = _alias(client, CHAMPION)
        if now == version:
            return
        if instead_of not in (None, now):
            raise RegistryError(f"version {now} is champion by now, not {instead_of}: nothing is changed")
        client.get_model_version(MODEL, version)
        # Told first: a change that is not in the audit must not be.
        told = {"version": version, "before": now, "by": by, "why": why}
        client.set_registered_model_tag(MODEL, f"{_AUDIT}{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", json.dumps(told))
        if now is not None:
            client.set_registered_model_alias(MODEL, PREVIOUS, now)
        client.set_registered_model_alias(MODEL, CHAMPION, version)
        if _alias(client, CHALLENGER) == version:
            client.delete_registered_model_alias(MODEL, CHALLENGER)


def roll_back(url: str, by: str, why: str, at: datetime) -> str:
    """The version that is champion again; rolling back twice is where it began."""
    champion, before = way_back(url)
    promote(url, before, by, why, at, instead_of=champion)
    return before


def way_back(url: str) -> tuple[str, str]:
    """The champion, and who was it before. Whoever may try several times to go there asks for it once."""
    with _client(url) as client:
        aliases = {name: str(version) for name, version in _aliases(client).items()}
    champion, before = aliases.get(CHAMPION), aliases.get(PREVIOUS)
    if champion is None or before in (None, champion):
        raise RegistryError(f"no champion before the one of now in the registry {MODEL!r}: there is none to go back to")
    return champion, str(before)


def champion(url: str) -> str | None:
    return alias(url, CHAMPION)


def alias(url: str, name: str) -> str | None:
    with _client(url) as client:
        return _alias(client, name)


def versions(url: str) -> tuple[Version, ...]:
    """All of them, the newest first."""
    with _client(url) as client:
        names: dict[str, list[str]] = {}
        for name, version in _aliases(client).items():
            names.setdefault(str(version), []).append(name)
        found = client.search_model_versions(f"name = '{MODEL}'", order_by=["version_number DESC"], max_results=1_000)
        return tuple(_version(each, names.get(str(each.version), [])) for each in found)


def changes(url: str) -> tuple[Change, ...]:
    """Who became champion, the newest first."""
    with _client(url) as client:
        known = client.search_registered_models(f"name = '{MODEL}'")
    tags = known[0].tags if known else {}
    told = [(name.removeprefix(_AUDIT), json.loads(of)) for name, of in tags.items() if name.startswith(_AUDIT)]
    return tuple(Change(at, **of) for at, of in sorted(told, reverse=True))


def kept(url: str, version: str, name: str) -> Path | None:
    """The folder of that name which was put beside a version, if there is one."""
    with _client(url) as client:
        run = client.get_run(str(client.get_model_version(MODEL, version).run_id))
        folder = Path(url2pathname(urlsplit(f"{run.info.artifact_uri}/{name}").path))
    return folder if folder.is_dir() else None


def page(url: str, version: str) -> str:
    """Where MLflow's own pages tell of it, below their address."""
    with _client(url) as client:
        run_id = str(client.get_model_version(MODEL, version).run_id)
        return f"/#/experiments/{client.get_run(run_id).info.experiment_id}/runs/{run_id}"


def metrics(url: str, version: str) -> Mapping[str, float]:
    with _client(url) as client:
        run = client.get_run(str(client.get_model_version(MODEL, version).run_id))
        return {name: float(value) for name, value in run.data.metrics.items()}


def _version(told: "ModelVersion | RestVersion", aliases: list[str]) -> Version:
    tags = dict(told.tags)
    at = datetime.fromtimestamp(told.creation_timestamp / 1000).astimezone()
    return Version(str(told.version), tuple(sorted(aliases)), at, tags.get("fingerprint", ""), str(told.run_id), tags)


@contextmanager
def _client(url: str) -> "Iterator[MlflowClient | RestClient]":
    """All but registering can be asked of a server without MLflow."""
    with RestClient(url) if url.startswith("http") else _mlflow(url) as client:
        yield client


@contextmanager
def _mlflow(url: str) -> "Iterator[MlflowClient]":
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


def _alias(client: "MlflowClient | RestClient", name: str) -> str | None:
    version = _aliases(client).get(name)
    return None if version is None else str(version)


def _aliases(client: "MlflowClient | RestClient") -> Mapping[str, str]:
    """What MLflow finds by a search for versions does not tell the aliases: the model itself does."""
    known = client.search_registered_models(f"name = '{MODEL}'")
    return dict(known[0].aliases) if known else {}


def _make_model(client: "MlflowClient") -> None:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        client.create_registered_model(MODEL)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _experiment(client: "MlflowClient", url: str) -> str:
    """Its files lie where that was settled, or beside an SQLite database; of a server, where that says."""
    known = client.get_experiment_by_name(_EXPERIMENT)
    if known is not None:
        return str(known.experiment_id)
    beside = (
        Path(url.removeprefix("sqlite:///")).resolve().parent / "registry" if url.startswith("sqlite:///") else None
    )
    return str(client.create_experiment(_EXPERIMENT, beside.as_uri() if beside else None))


def _log(client: "MlflowClient", run_id: str, folder: Path, params: Mapping[str, Any], beside: Beside) -> None:
    from mlflow.entities import Metric  # noqa: PLC0415

    _log_params(client, run_id, params)
    client.log_batch(run_id, metrics=[Metric(name, value, 0, 0) for name, value in beside.metrics.items()])
    client.log_artifacts(run_id, str(folder), "model")
    for file, text in beside.texts.items():
        client.log_text(run_id, text, file)
    for into, path in beside.files.items():
        if path.is_dir():
            client.log_artifacts(run_id, str(path), into)
        else:
            client.log_artifact(run_id, str(path), into)


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
