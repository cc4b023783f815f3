"""Deployments: what is served in one process and what prefect.yaml says are the same, and their forms can be used."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.serve import deployments

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    return {deployment.name: deployment for deployment in deployments()}


def cron(schedules: Any) -> list[str]:
    return [getattr(each, "schedule", each).cron for each in schedules or ()]


def test_prefect_yaml_says_the_same(served: dict[str, Any]) -> None:
    told = {each["name"]: each for each in yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]}
    assert set(told) == set(served)
    for name, deployment in served.items():
        assert told[name]["entrypoint"] == deployment.entrypoint
        assert told[name]["tags"] == deployment.tags
        assert told[name].get("parameters", {}) == deployment.parameters
        assert [each["cron"] for each in told[name].get("schedules", ())] == cron(deployment.schedules)


def test_every_parameter_says_what_it_is(served: dict[str, Any]) -> None:
    for deployment in served.values():
        fields = deployment._parameter_openapi_schema.properties
        assert all(field.get("description") and field.get("title") for field in fields.values()), deployment.name
