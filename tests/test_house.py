"""The rules of the house: what a reviewer would otherwise have to look for by hand."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from marquee import errors
from marquee.params import Params

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "marquee"
# Written in pieces, so that this file does not contain what it looks for.
REGISTRY_HOSTS = re.compile(
    "|".join(("py" + r"pi\.org", "python" + r"hosted", "registry" + r"\.npm", "deb" + r"\.debian"))
)
MACHINE_PATHS = re.compile("|".join(("/ro" + "ot/", "/wo" + "rk/", "/ho" + "me/[a-z]", "/tmp/ba" + "sh")))
CLOCK_AND_ENVIRONMENT = {
    "time": {"time", "time_ns", "monotonic", "perf_counter"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "os": {"environ", "getenv"},
}


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> dict[Path, str]:
    return {path: path.read_text("utf-8", errors="replace") for path in tracked()}


def modules() -> list[Path]:
    return [path for path in SOURCE.rglob("*.py") if path.read_text("utf-8").strip()]


def impurities(code: str) -> list[str]:
    """What a piece of code reads of the clock or the environment."""
    tree = ast.parse(code)
    attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    called = [
        f"{owner}.{node.attr}"
        for node in attributes
        if node.attr in CLOCK_AND_ENVIRONMENT.get(owner := ast.unparse(node.value).split(".")[-1], ())
    ]
    imported = [
        f"{node.module}.{name.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
        if name.name in CLOCK_AND_ENVIRONMENT.get(node.module or "", ())
    ]
    return called + imported


def test_the_map_in_the_readme_names_every_module_and_no_other() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    named = set(re.findall(r"\]\((src/marquee/[\w/]+\.py)\)", readme))
    real = {
        str(path.relative_to(ROOT)) for path in modules() if path.name != "__init__.py" and "versions" not in path.parts
    }
    assert named == real


def test_every_link_of_the_documents_leads_somewhere() -> None:
    documents = [path for path in tracked() if path.suffix == ".md"]
    links = [
        (document, target)
        for document in documents
        for target in re.findall(r"(?:\]\(|src=\")([^)#\"\s]+)[)\"#]", document.read_text("utf-8"))
        if "://" not in target
    ]
    assert links
    assert [(str(document), target) for document, target in links if not (document.parent / target).exists()] == []


def test_no_tracked_file_names_a_registry_or_a_path_of_a_machine() -> None:
    found = {
        str(path.relative_to(ROOT)): match.group()
        for path, text in texts().items()
        if (match := REGISTRY_HOSTS.search(text) or MACHINE_PATHS.search(text))
    }
    assert found == {}


def test_the_lock_pins_and_hashes_every_package_and_names_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    packages = re.split(r"\n(?=[a-z0-9])", lock.strip())
    assert len(packages) > 50
    assert [p.split()[0] for p in packages if "==" not in p.split()[0] or "--hash=sha256:" not in p] == []
    assert "://" not in lock
    assert [path.name for path in tracked() if path.name in {"uv.lock", "poetry.lock", "Pipfile.lock"}] == []


def test_every_dependency_says_why_it_is_there() -> None:
    lines = (ROOT / "pyproject.toml").read_text("utf-8").splitlines()
    project = tomllib.loads("\n".join(lines))
    wanted = project["project"]["dependencies"] + [d for group in project["dependency-groups"].values() for d in group]
    unexplained = [d for d in wanted if not any(f'"{d}",' in line and "# " in line for line in lines)]
    assert unexplained == []


@pytest.mark.parametrize(
    "code",
    [
        "import time\ntime.time()",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.datetime.now()",
        "import os\nos.environ['A']",
        "from os import getenv",
        "from time import monotonic",
    ],
)
def test_reading_the_clock_or_the_environment_is_noticed(code: str) -> None:
    assert impurities(code)


def test_the_recommender_reads_neither_clock_nor_environment() -> None:
    found = {str(path): found for path in (SOURCE / "model").rglob("*.py") if (found := impurities(path.read_text()))}
    assert found == {}


def test_every_module_opens_by_saying_what_it_holds() -> None:
    assert [str(path) for path in modules() if not ast.get_docstring(ast.parse(path.read_text("utf-8")))] == []


def test_every_error_of_the_project_stands_on_one_page_and_in_its_tree() -> None:
    on_page = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert {name for name in on_page if not re.search(rf"\b{name}\b", errors.__doc__ or "")} == set()
    elsewhere = [
        f"{path.name}: {node.name}"
        for path in modules()
        if path.name != "errors.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith(("Error", "Exception")) for base in node.bases)
    ]
    assert elsewhere == []


def test_every_number_in_the_params_is_read_by_somebody() -> None:
    own = [path for path in modules() if path.parent.name != "params"]
    code = "\n".join(path.read_text("utf-8") for path in (*own, *(ROOT / "flows").glob("*.py")))
    pipeline = (ROOT / "dvc.yaml").read_text("utf-8")
    tree = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    assert set(tree) == set(Params.model_fields)
    sections = {name: of if isinstance(of, dict) else [name] for name, of in tree.items()}
    keys = [(section, key) for section, numbers in sections.items() for key in numbers]
    is_read = [f".{key}" in code or f'"{key}"' in code or f"{section}.{key}" in pipeline for section, key in keys]
    unread = [key for key, read in zip(keys, is_read, strict=True) if not read]
    assert unread == []


def test_no_room_for_leftovers() -> None:
    names = {"utils", "helpers", "common", "base", "misc"}
    assert [str(path) for path in modules() if path.stem in names] == []
    assert [str(path) for path in tracked() if path.stat().st_size > 1_000_000] == []
