"""A Bento: what is in it, and that it serves where there is nothing else of Marquee, nor any tool of the loop."""

import hashlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from marquee import bento
from marquee.model.folder import fingerprint_of
from tests.serve.running import free_port, saved, until

ROOT = Path(__file__).parent.parent
LOOP = ("dvc", "evidently", "mlflow", "optuna", "pandas", "prefect")
# An environment is made, and all that is compiled is compiled there for the first time.
pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Built:
    model: Path
    home: Path
    folder: Path

    def text(self, path: str) -> str:
        return (self.folder / path).read_text("utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("bento")
    model, home = saved(folder / "model"), folder / "home"
    return Built(model, home, bento.build(ROOT, model, "7", home, {"dvc.lock": "abc"}))


def test_its_labels_say_which_model_and_which_lock_are_in_it(built: Built) -> None:
    lock = hashlib.sha256((ROOT / bento.LOCK).read_bytes()).hexdigest()
    told = yaml.safe_load(built.text("bento.yaml"))
    assert told["labels"] == {
        "version": "7",
        "fingerprint": fingerprint_of(built.model),
        "requirements": lock,
        "dvc.lock": "abc",
    }


def test_its_model_is_the_one_that_was_asked_for_to_the_byte(built: Built) -> None:
    (told,) = yaml.safe_load(built.text("bento.yaml"))["models"]
    assert told["alias"] == bento.ALIAS
    name, version = told["tag"].split(":")
    assert fingerprint_of(built.home / "models" / name / version / bento.FOLDER) == fingerprint_of(built.model)


def test_its_requirements_are_pinned_and_hashed_and_hold_no_tool_of_the_loop(built: Built) -> None:
    requirements = built.text("env/python/requirements.txt")
    assert requirements == (ROOT / bento.LOCK).read_text("utf-8")
    names = re.findall(r"^([\w.-]+)==", requirements, re.MULTILINE)
    assert "bentoml" in names
    assert set(names).isdisjoint(LOOP)
    assert requirements.count("==") <= requirements.count("--hash=sha256:")
    assert "://" not in requirements


def test_what_serves_is_locked_as_it_is_locked_for_all(built: Built) -> None:  # noqa: ARG001
    pins = [
        set(re.findall(r"^[\w.-]+==\S+", (ROOT / lock).read_text("utf-8"), re.MULTILINE))
        for lock in (bento.LOCK, "requirements.lock")
    ]
    assert pins[0] < pins[1]


def test_what_serves_imports_no_tool_of_the_loop() -> None:
    code = f"""import sys, marquee.serve.service, marquee.serve.app, marquee.serve.worker
print(*sys.modules.keys() & set({LOOP}))"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "\n"


def test_a_dockerfile_comes_with_it_and_nothing_in_it_is_of_this_machine(built: Built) -> None:
    assert "FROM python:3.11" in built.text("env/docker/Dockerfile")
    of_this_machine = (str(ROOT), str(built.home), str(Path.home()) + "/", sys.prefix)
    texts = [path for path in built.folder.rglob("*") if path.is_file()]
    found = [(path, name) for path in texts for name in of_this_machine if name.encode() in path.read_bytes()]
    assert found == []


def test_a_bento_of_the_same_version_takes_its_place(built: Built) -> None:
    again = bento.build(ROOT, built.model, "7", built.home, {"dvc.lock": "abc"})
    assert again == built.folder
    assert len(list((built.home / "models" / bento.NAME).glob("[!l]*"))) == 1


@pytest.fixture(scope="module")
def elsewhere(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The exported file, served by an environment made of its own requirements, with no more of ours around it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    shipped = folder / "marquee.bento"
    run(folder, built.home, sys.executable, "-m", "bentoml", "export", "marquee:v7", str(shipped))
    python = clean_python(folder, built.folder / "env/python/requirements.txt")
    home = folder / "a home"
    run(folder, home, python, "-m", "bentoml", "import", str(shipped))
    port, log = free_port(), folder / "log"
    told = bento.command("serve", home / built.folder.relative_to(built.home))
    path = {"PATH": f"{Path(python).parent}:/usr/bin:/bin", "MARQUEE_PORT": str(port)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["env", *shlex.split(told)],
            cwd=folder,
            env=surroundings(folder, folder / "nowhere") | path,
            stdout=out,
            stderr=out,
        )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
        until(lambda: process.poll() is not None or is_ready(client), lambda: log.read_text("utf-8"))
        assert process.poll() is None, log.read_text("utf-8")
        yield client
    process.terminate()
    process.wait(60)


def clean_python(folder: Path, requirements: Path) -> str:
    uv, python = str(Path(sys.executable).with_name("uv")), str(folder / "env/bin/python")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder / "env")], check=True)
    sync = [uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", str(requirements)]
    subprocess.run(sync, check=True)
    return python


def run(folder: Path, home: Path, *command: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env=surroundings(folder, home), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def surroundings(folder: Path, home: Path) -> dict[str, str]:
    known = {"HOME": str(folder), "BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    return {"PATH": "/usr/bin:/bin", "LANG": os.environ.get("LANG", "C.UTF-8"), **known}


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_it_serves_where_nothing_else_of_marquee_is_installed(elsewhere: httpx.Client, built: Built) -> None:
    answer = elsewhere.post("/recommend", json={"user_id": 6, "k": 5})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["titles"]) == 5
    assert elsewhere.get("/model").json()["fingerprint"] == fingerprint_of(built.model)
