"""Claims about Evidently's workspace: from the first look on, its dashboard has something to say."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marquee.loop.workspace import PROJECT, keep
from marquee.params import DriftParams
from marquee.quality.drift import Views, drift

PARAMS = DriftParams(rows=5_000, least=200, numbers=0.25, kinds=0.15, missing=0.1)

pytestmark = pytest.mark.filterwarnings("default")


def days(rows: int, kind: str) -> Views:
    return {"events": pl.DataFrame({"kind": [kind] * rows}), "ratings": pl.DataFrame({"rating": [4.0] * rows})}


def dashboard(folder: Path) -> list[tuple[str, str, list[str]]]:
    """Of each panel its title, its kind, and the metrics that it draws."""
    from evidently.ui.workspace import Workspace  # noqa: PLC0415 - it warns while it is imported

    (project,) = Workspace.create(str(folder)).search_project(PROJECT)
    panels: list[Any] = project.dashboard.model().panels
    return [(of.title, of.plot_params["plot_type"], [value.metric for value in of.values]) for of in panels]


def test_where_there_is_nothing_to_compare_it_says_so_until_there_is(tmp_path: Path) -> None:
    keep(drift(days(300, "watch_finished"), days(20, "abandoned"), PARAMS, seed=1), tmp_path)
    said, count = dashboard(tmp_path)
    assert said == ("Nothing to compare now", "text", [])
    assert count[:2] == ("Columns that drifted", "bar")
    keep(drift(days(300, "watch_finished"), days(300, "abandoned"), PARAMS, seed=1), tmp_path)
    count, *views = dashboard(tmp_path)
    assert count[:2] == ("Columns that drifted", "bar")
    assert [(title.partition(":")[0], kind, len(metrics)) for title, kind, metrics in views] == [
        ("Events", "line", 1),
        ("Ratings", "line", 1),
    ]
