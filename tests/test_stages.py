"""dvc.yaml against the code: each stage depends on the modules that make its result, and on no others.

What a stage reaches is followed from its function by name, definition by definition: a module of which it only imports
what it never calls is none of its own.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
ROOMS = ("marquee.stages.tables", "marquee.stages.models")  # of the stages' functions, whose names are the stages'
ELSEWHERE = {"demo_world": ("marquee.data.demo_world", "write_demo_world")}

# What never changes what a stage leaves behind.
SILENT = {
    "marquee.alone": "who may write at a time, not what",
    "marquee.errors": "what is said when a stage fails",
    "marquee.memory": "where memory lies, not what is in it",
    "marquee.params": "the numbers stand in dvc.yaml, under `params`",
    "marquee.places": "whether anything can be written, before it is",
    "marquee.progress": "a bar in the terminal",
}
# What a stage reaches and yet is not made by.
SPARED = {
    "retrieve": {
        "marquee.model.ranker": "the shape of the rows that it learns from",
        "marquee.model.recommender": "how a recipe is told to the workers of a cluster",
    },
    "rank": {
        "marquee.model.boosted": "what a fitted ranker was taught; nothing is read back",
        "marquee.model.histories": "kinds of arrays",
        "marquee.model.shapley": "reasons; no row is explained",
        "marquee.model.trees": "scores; no row is scored",
    },
    "stars": {"marquee.data.readers": "whether the source is the Netflix Prize"},
    "evaluate": {
        "marquee.model.explain": "the shape of what is proposed",
        "marquee.model.shapley": "reasons; no list is explained",
    },
}

Name = tuple[str, str]  # a module, and what is defined or imported there


def file_of(module: str) -> Path:
    path = ROOT / "src" / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def is_module(module: str) -> bool:
    return file_of(module).exists()


@cache
def defined_in(module: str) -> Mapping[str, list[ast.stmt]]:
    """By name, the statements at the top of a module that define it."""
    found: dict[str, list[ast.stmt]] = defaultdict(list)
    for statement in ast.parse(file_of(module).read_text("utf-8")).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            found[statement.name].append(statement)
        elif not isinstance(statement, ast.Import | ast.ImportFrom):
            for name in {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}:
                found[name].append(statement)
    return found


@cache
def imported_in(module: str) -> Mapping[str, Name]:
    tree = ast.parse(file_of(module).read_text("utf-8"))
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in froms
        if node.module and node.module.split(".")[0] == "marquee"
        for alias in node.names
    }


def named_by(module: str, name: str) -> Iterator[Name]:
    """What a definition names, of its own module or of another."""
    if name not in defined_in(module):
        yield imported_in(module)[name]
        return
    for node in (node for statement in defined_in(module)[name] for node in ast.walk(statement)):
        if isinstance(node, ast.Name):
            yield from meant_by(module, node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            of = ".".join(imported_in(module).get(node.value.id, ("", "")))
            if is_module(of) and node.attr in defined_in(of):
                yield of, node.attr


def meant_by(module: str, word: str) -> Iterator[Name]:
    if word in defined_in(module):
        yield module, word
    elif word in imported_in(module) and not is_module(".".join(imported_in(module)[word])):
        yield imported_in(module)[word]


def reached_from(start: Name, but: Mapping[str, str]) -> set[str]:
    """The modules of whose definitions a result is made; those that are left out are told, and not entered."""
    seen, to_see = {start}, [start]
    while to_see:
        named = {name for name in named_by(*to_see.pop()) if not is_silent(name)} - seen
        seen |= named
        to_see += [(module, name) for module, name in named if module not in but]
    return {module for module, _ in seen}


def is_silent(name: Name) -> bool:
    """A stage calls no other one: where another's name stands, it is a variable's."""
    module, word = name
    if module in ROOMS and word in STAGES:
        return True
    return any(module == of or module.startswith(f"{of}.") for of in SILENT)


def reached(stage: str) -> set[str]:
    (room,) = {room for room in ROOMS if stage in defined_in(room)} or {""}
    return reached_from(ELSEWHERE.get(stage, (room, stage)), SPARED.get(stage, {}))


def code_of(stage: str) -> set[Path]:
    return {ROOT / dep for dep in STAGES[stage]["deps"] if dep.startswith("src/")}


def is_within(path: Path, those: set[Path]) -> bool:
    return path in those or not those.isdisjoint(path.parents)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_every_module_that_makes_its_result(stage: str) -> None:
    needed = reached(stage) - SPARED.get(stage, {}).keys()
    missing = {module for module in needed if not is_within(file_of(module), code_of(stage))}
    assert missing == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_no_other_module(stage: str) -> None:
    files = {file_of(module) for module in reached(stage) - SPARED.get(stage, {}).keys()}
    idle = {path for path in code_of(stage) if not any(is_within(file, {path}) for file in files)}
    assert idle == set()


@pytest.mark.parametrize("stage", SPARED)
def test_what_a_stage_is_spared_it_would_reach(stage: str) -> None:
    assert SPARED[stage].keys() - reached(stage) == set()


def test_what_is_reached_goes_through_folders_modules_and_imports_within_functions() -> None:
    assert {"marquee.model.sources.adding", "marquee.model.side_by_side", "marquee.spark.als"} <= reached("retrieve")
    assert "marquee.model.stars.measured" in reached("stars")
    assert "marquee.model.search" not in reached("evaluate")
