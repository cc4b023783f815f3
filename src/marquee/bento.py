"""A Bento: a model of the registry, the code that serves it, and what that code needs, as one file to ship.

BentoML builds it from bentofile.yaml in a folder with nothing else in it: the package as it runs here, and the lock of
what serves. The model lies in BentoML's store under its fingerprint. All of it happens in a process of its own, since
BentoML changes the folder and the modules of whoever builds.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from marquee import registry
from marquee.errors import RegistryError, ServiceError
from marquee.model.folder import fingerprint_of, load_model

NAME = "marquee"
ALIAS, FOLDER = "served", "model"  # where the service finds it: by this name, in this folder of the store
BENTOFILE, LOCK = "bentofile.yaml", "requirements.serving.lock"

_ORIGIN = ("dvc.lock", "git revision", "event position")  # tags of a version that a Bento has as labels
_DIGITS = 12  # of a fingerprint, where it is a name


@dataclass(frozen=True)
class _Asked:
    """What the process that builds is told."""

    model: str
    tag: str
    version: str
    labels: Mapping[str, str]


def package(registry_url: str, version: str | None, project: Path, home: Path) -> Path:
    """The Bento of a version, or of the champion; its labels say where the model came from."""
    version = version or registry.champion(registry_url)
    found = next((each for each in registry.versions(registry_url) if each.name == version), None)
    folder = registry.kept(registry_url, found.name, "model") if found else None
    if found is None or folder is None:
        raise RegistryError(f"no version {version or 'that is champion'} to package; `marquee models` lists them")
    labels = {name.replace(" ", "-"): told for name, told in found.tags.items() if name in _ORIGIN}
    return build(project, folder, found.name, home, labels)


def build(project: Path, model: Path, version: str, home: Path, labels: Mapping[str, str]) -> Path:
    """The folder of the Bento, in BentoML's `home`; one of the same version is replaced."""
    load_model(model)
    fingerprint = fingerprint_of(model)
    told = {"version": version, "fingerprint": fingerprint, "requirements": _digest(project / LOCK)}
    asked = _Asked(str(model.resolve()), f"{NAME}:{fingerprint[:_DIGITS]}", f"v{version}", {**told, **labels})
    with TemporaryDirectory(prefix="marquee-bento-") as folder:
        stage = Path(folder)
        _write_stage(project, stage, asked.tag)
        _build_apart(stage, home.resolve(), asked)
    return _place(version, home)


def command(what: str, folder: Path) -> str:
    """A line for a shell: what BentoML shall do with the Bento of that folder, in the store that has its model too."""
    return f"BENTOML_HOME={shlex.quote(str(folder.parents[2]))} bentoml {what} {NAME}:{folder.name}"


def is_there(version: str, home: Path) -> bool:
    return (_place(version, home) / "bento.yaml").is_file()


def _place(version: str, home: Path) -> Path:
    return home.resolve() / "bentos" / NAME / f"v{version}"


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _write_stage(project: Path, stage: Path, tag: str) -> None:
    with as_file(files("marquee")) as package:
        shutil.copytree(package, stage / "marquee", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(project / LOCK, stage)
    bentofile = yaml.safe_load((project / BENTOFILE).read_text("utf-8"))
    bentofile["models"] = [{"tag": tag, "alias": ALIAS}]
    (stage / BENTOFILE).write_text(yaml.safe_dump(bentofile), "utf-8")


def _build_apart(stage: Path, home: Path, asked: _Asked) -> None:
    home.mkdir(parents=True, exist_ok=True)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MARQUEE_")}
    environment = ours | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", __name__, json.dumps(asdict(asked))]
    done = subprocess.run(  # noqa: S603 - ourselves
        command, cwd=stage, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        raise ServiceError(f"BentoML does not build {asked.version}: {said[-1]}")


def _build_here(asked: _Asked) -> None:
    """In the process that was begun for it, whose folder is the stage."""
    import bentoml  # noqa: PLC0415 - its home is told by the environment, before its import
    from bentoml.exceptions import NotFound  # noqa: PLC0415

    try:
        bentoml.models.get(asked.tag)
    except NotFound:
        with bentoml.models.create(asked.tag, labels=dict(asked.labels)) as made:
            shutil.copytree(asked.model, made.path_of(FOLDER))
    with suppress(NotFound):
        bentoml.bentos.delete(f"{NAME}:{asked.version}")
    built = bentoml.bentos.build_bentofile(BENTOFILE, version=asked.version, labels=dict(asked.labels), build_ctx=".")
    # BentoML adds itself once more, without its hashes: who then asks for hashes is refused.
    shutil.copy(LOCK, built.path_of("env/python/requirements.txt"))


if __name__ == "__main__":
    _build_here(_Asked(**json.loads(sys.argv[1])))
