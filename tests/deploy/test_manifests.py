"""deploy/ against the schemas of those who read it, and against what the programs in it really are."""

import json
import re
import shlex
import warnings
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from sqlalchemy import make_url

from marquee import logs
from marquee.loop.settings import Settings as LoopSettings
from marquee.loop.settings import read_settings as read_loop_settings
from marquee.serve.settings import Settings, read_settings, variable
from marquee.up.parts import _QUIET, House, Part, Ports
from tests.deploy.programs import (
    DEPLOY,
    GIVEN,
    ROOT,
    SECRETS,
    Program,
    compose,
    in_compose,
    in_kubernetes,
    objects,
    of_kind,
)

LOOPS = ("worker", "collector")
EVERYWHERE = [*in_kubernetes().values(), *in_compose().values()]


def names(program: Program) -> str:
    return program.name


every_program = pytest.mark.parametrize("program", EVERYWHERE, ids=names)


@pytest.mark.parametrize("told", objects(), ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_every_object_is_one_that_kubernetes_takes(told: Mapping[str, Any]) -> None:
    kubernetes_validate.validate(told, kubernetes_validate.latest_version(), strict=True)


def test_the_compose_file_is_one_that_compose_takes() -> None:
    schema = files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    jsonschema.validate(compose(), json.loads(schema.read_text("utf-8")))


def test_both_run_the_same_programs_in_the_same_way() -> None:
    there, here = in_kubernetes(), in_compose()
    assert {"service", "worker", "collector", "mlflow", "prefect", "flows", "migrate"} == set(there) == set(here)
    for name, program in there.items():
        assert (program.command, program.replicas) == (here[name].command, here[name].replicas)
        assert set(program.probes) <= set(here[name].probes) | {(3000, "/readyz")}, name


def test_of_the_service_and_the_collectors_there_are_several_and_one_of_each_always_stays() -> None:
    replicas = {name: program.replicas for name, program in in_kubernetes().items() if program.replicas > 1}
    kept = {each["metadata"]["name"]: each["spec"]["minAvailable"] for each in of_kind("PodDisruptionBudget")}
    assert set(replicas) == set(kept) == {"service", "collector"}
    assert all(1 <= kept[name] < replicas[name] for name in kept)


def test_whatever_is_selected_is_there() -> None:
    pods = [each["spec"]["template"]["metadata"]["labels"]["app"] for each in of_kind("Deployment") + _labelled_jobs()]
    for deployment in of_kind("Deployment"):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    told = json.dumps([each["spec"] for each in objects() if "spec" in each])
    assert set(re.findall(r"marquee-[a-z]+", told)) == set(pods)


def _labelled_jobs() -> list[Mapping[str, Any]]:
    return [job for job in of_kind("Job") if "metadata" in job["spec"]["template"]]


def test_no_pod_is_told_of_services_by_variables() -> None:
    """Of a service named marquee Kubernetes would tell everybody MARQUEE_PORT=tcp://..., and nothing would start."""
    specs = [each["spec"]["template"]["spec"] for each in objects() if "template" in each.get("spec", {})]
    assert len(specs) == 7
    assert [spec["enableServiceLinks"] for spec in specs] == [False] * 7


def test_secrets_stand_in_no_file() -> None:
    for path in (path for path in DEPLOY.rglob("*") if path.is_file()):
        text = path.read_text("utf-8")
        # Where one is spelt out for whoever has to make it, its words are these.
        assert set(re.findall(r"://([^/\s@]+)@", text)) <= {"user:password"}, path
        assert not re.search(r"mq_[0-9a-f]+_|kind: Secret", text), path
    for program in EVERYWHERE:
        assert program.environment.keys() & SECRETS.keys() <= program.by_reference, program.name
        assert program.by_reference <= SECRETS.keys() | GIVEN.keys()


def test_the_guide_names_every_secret_that_is_referred_to() -> None:
    guide = (ROOT / "docs/many.md").read_text("utf-8")
    keys = set(re.findall(r"'secretKeyRef': {'name': 'marquee', 'key': '([a-z-]+)'", str(objects())))
    variables = {name for program in in_compose().values() for name in program.by_reference} - GIVEN.keys()
    assert len(keys) == 7
    assert [name for name in keys | variables if f"`{name}`" not in guide] == []


def test_every_database_that_is_named_can_be_reached_with_what_the_image_has() -> None:
    told = (ROOT / "docs/many.md").read_text("utf-8") + (DEPLOY / "compose.yaml").read_text("utf-8")
    named = re.findall(r"postgresql[+a-z]*://[^`}\s]+", told) + list(SECRETS.values())
    of_others = {url for url in named if re.fullmatch(r"postgresql.*/(mlflow|prefect)", url)}
    assert {make_url(url).database for url in of_others} == {"mlflow", "prefect"}
    for url in of_others:  # ours are read by ourselves, which adds the driver
        make_url(url).get_dialect().import_dbapi()


@every_program
def test_a_program_is_told_what_somebody_reads(program: Program) -> None:
    ours = {variable(name) for name in (*Settings.model_fields, *LoopSettings.model_fields)} | {"MARQUEE_PROJECT"}
    told = {name for name in program.environment if name.startswith("MARQUEE_")}
    assert told <= ours
    assert program.environment.get("MARQUEE_PROJECT", "/marquee") == "/marquee"
    assert not logs.for_prefect(program.environment).items() - program.environment.items()


@pytest.mark.parametrize("there", [in_kubernetes, in_compose])
def test_the_service_and_the_loop_can_read_what_they_are_told(there: Any) -> None:
    programs = there()
    service = programs["service"]
    settings = read_settings(service.environment)
    assert (settings.host, settings.log, settings.token_secret is None) == ("0.0.0.0", logs.Form.JSON, False)
    assert service.ports == (settings.port,)
    for name in LOOPS:
        loop = read_loop_settings(programs[name].environment)
        assert loop.registry_url == settings.registry_url == f"http://mlflow:{programs['mlflow'].ports[0]}"
    assert read_loop_settings(programs["worker"].environment).service_url == f"http://service:{settings.port}"


def test_nobody_tells_that_it_runs() -> None:
    for program in EVERYWHERE:
        if program.name != "migrate":
            assert _QUIET.items() <= program.environment.items(), program.name


def test_models_lie_at_one_path_for_all_who_read_or_write_them() -> None:
    for programs in (in_kubernetes(), in_compose()):
        (root,) = (word for word in programs["mlflow"].command if word.startswith("--default-artifact-root="))
        folder = root.partition("file://")[2]
        writes = {name: programs[name].mounts.get(str(Path(folder).parent)) for name in ("mlflow", "worker", "service")}
        assert writes == {"mlflow": True, "worker": True, "service": False}


def test_probes_ask_where_somebody_answers(tmp_path: Path) -> None:
    house = House(frozenset({Part.SERVICE, Part.REGISTRY, Part.FLOWS}), Ports(3000), tmp_path, "sqlite:///x", {})
    asked: dict[str, str] = {
        each.name: re.sub(r"^http://[^/]+", "", each.is_ready.url)
        for each in house.programs()
        if hasattr(each.is_ready, "url")
    }
    for programs in (in_kubernetes(), in_compose()):
        assert {path for _, path in programs["mlflow"].probes} == {asked["registry"]}
        assert {path for _, path in programs["prefect"].probes} == {asked["prefect"]}
        assert {path for _, path in programs["service"].probes} <= {"/livez", asked["service"]}
        for name in LOOPS:
            port = int(programs[name].environment["PREFECT_WORKER_WEBSERVER_PORT"])
            assert set(programs[name].probes) == {(port, "/health")}
            assert "--with-healthcheck" in programs[name].command


def commands() -> set[tuple[str, ...]]:
    script = (DEPLOY / "flows.sh").read_text("utf-8").replace('"$pool"', "local").replace("exec ", "")
    in_script = [shlex.split(line) for line in script.splitlines() if line.strip().startswith("prefect ")]
    return {program.command for program in EVERYWHERE} | set(map(tuple, in_script))


@pytest.mark.parametrize("words", sorted(commands()), ids=" ".join)
def test_every_command_is_one_that_its_program_knows(words: tuple[str, ...]) -> None:
    {"marquee": _marquee, "mlflow": _mlflow, "prefect": _prefect, "sh": _script}[words[0]](list(words[1:]))


def _marquee(words: list[str]) -> None:
    from typer.main import get_command  # noqa: PLC0415

    from marquee.cli import app  # noqa: PLC0415

    command: Any = get_command(app)
    for word in words:
        command = command.commands[word]


def _mlflow(words: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, as it is imported
        from mlflow.cli import cli  # noqa: PLC0415 - seconds

    told = cli.commands[words[0]]
    told.make_context(words[0], words[1:])
    known = {each for parameter in told.params for each in (parameter.envvar,)}
    for program in (in_kubernetes()["mlflow"], in_compose()["mlflow"]):
        own = {name for name in program.environment if name.startswith("MLFLOW_")}
        assert own - known <= {"MLFLOW_DISABLE_TELEMETRY", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"}


def _prefect(words: list[str]) -> None:
    from prefect import cli  # noqa: F401, PLC0415 - seconds; it makes the commands known
    from prefect.cli._app import _app  # noqa: PLC0415

    _app.parse_args([word for word in words if word != "--no-prompt"], exit_on_error=False, print_error=False)


def _script(words: list[str]) -> None:
    assert (ROOT / words[0]).is_file()


def test_prefect_knows_what_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import Settings as PrefectSettings  # noqa: PLC0415

    told = {name: value for program in EVERYWHERE for name, value in program.environment.items() if "PREFECT_" in name}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    known = PrefectSettings().to_environment_variables(exclude_unset=True)
    assert told.keys() - known.keys() == {*logs.for_prefect({"MARQUEE_LOG": "json"})}


def test_every_pool_that_flows_are_sent_to_has_a_worker() -> None:
    sent = {each["work_pool"]["name"] for each in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    made = set(re.findall(r"for pool in (.*);", (DEPLOY / "flows.sh").read_text())[0].split())
    served = {
        word.partition("=")[2] for program in EVERYWHERE for word in program.command if word.startswith("--pool=")
    }
    assert sent == made == served


def test_the_image_is_made_of_what_is_there() -> None:
    steps = [line.split() for line in (DEPLOY / "Dockerfile").read_text("utf-8").splitlines()]
    copied = [word for step in steps if step[:1] == ["COPY"] for word in step[2:-1]]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    (command,) = (json.loads(" ".join(step[1:])) for step in steps if step[:1] == ["CMD"])
    assert tuple(command) == in_kubernetes()["service"].command
    (made,) = (step[1].partition("=")[2] for step in steps if step[-2:] == [".venv/bin/marquee", "compile"])
    assert [f"MARQUEE_COMPILED={made}", "\\"] in steps
    (user,) = (step[1].split(":")[0] for step in steps if step[:1] == ["USER"])
    runs_as = {
        each["spec"]["template"]["spec"]["securityContext"]["runAsUser"]
        for each in of_kind("Deployment") + of_kind("Job")
    }
    assert runs_as == {int(user)}
