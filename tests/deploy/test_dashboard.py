"""The dashboard asks for what a service really tells Prometheus, and shows all of it."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from marquee.serve import metrics
from tests.deploy.conftest import Deployed
from tests.deploy.programs import DEPLOY
from tests.serve.running import an_event

OF_PROMETHEUS = {"job", "instance"}  # labels that it adds itself
_METRIC = re.compile(r"(marquee_\w+)(?:\{([^}]*)\})?")


@cache
def dashboard() -> Mapping[str, Any]:
    return dict(json.loads((DEPLOY / "grafana/marquee.json").read_text("utf-8")))


@cache
def queries() -> list[str]:
    asked = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    return asked + [each["query"] for each in dashboard()["templating"]["list"] if each["type"] == "query"]


@pytest.fixture(scope="module")
def told(deployed: Deployed) -> Mapping[str, set[str]]:
    """The labels of each metric of a service that was asked for everything once."""
    assert deployed.service.post("/recommend", {"user_id": 6}, headers=deployed.with_key).status_code == 200
    events = {"events": [an_event("a"), an_event("b", kind="dreamt")]}
    assert deployed.service.post("/events", events, headers=deployed.with_key).status_code == 200
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(deployed.service.get("/metrics").text):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    return labels


@pytest.mark.parametrize("query", queries())
def test_every_query_asks_for_a_metric_that_is_told_by_labels_that_it_has(
    query: str, told: Mapping[str, set[str]]
) -> None:
    asked = _METRIC.findall(query)
    assert asked
    grouped = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", query) for label in labels.split(",")}
    for name, chosen in asked:
        known = told[name] | OF_PROMETHEUS
        assert set(re.findall(r"(\w+)(?:=~|!~|!=|=)", chosen)) <= known
        assert grouped <= known


def test_every_metric_is_on_the_dashboard(told: Mapping[str, set[str]]) -> None:
    own = {each._name for each in vars(metrics).values() if hasattr(each, "_name")}
    assert len(own) > 10
    shown = {name for query in queries() for name, _ in _METRIC.findall(query)}
    assert shown <= told.keys()
    assert {name for name in own if not any(each.startswith(name) for each in shown)} == set()


def test_no_two_panels_lie_upon_each_other() -> None:
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
