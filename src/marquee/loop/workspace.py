"""The workspace: every look of the monitor as a run of Evidently's own, whose pages tell how drift went over time.

`evidently ui --workspace state/evidently` shows it; `marquee up` does that.
"""

import os
import warnings
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from marquee.quality.drift import Drift

PROJECT = "marquee"
_KEPT = 500  # runs, the newest: three weeks of looks, half a megabyte each
_TOO_FEW = (
    "Either the last days or what the champion was trained on hold too few values of every column "
    "(drift.least in params.yaml). The monitor looks again every hour."
)


def keep(drift: Drift, folder: Path) -> None:
    os.environ.setdefault("DO_NOT_TRACK", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it looks where numpy used to keep things
        from evidently.ui.workspace import Workspace  # noqa: PLC0415 - takes seconds

    workspace = Workspace.create(str(folder))
    known = workspace.search_project(PROJECT)
    project = known[0] if known else workspace.create_project(PROJECT)
    workspace.add_run(project.id, drift.run)
    for old in sorted(workspace.list_runs(project.id))[:-_KEPT]:  # their ids begin with the time
        workspace.delete_run(project.id, old)
    project.dashboard.clear_dashboard()
    for panel in _panels([column.name for column in drift.columns if column.distance is not None]):
        project.dashboard.add_panel(panel)


def _panels(columns: Sequence[str]) -> Iterator[Any]:
    from evidently.sdk.models import PanelMetric  # noqa: PLC0415 - takes seconds
    from evidently.sdk.panels import bar_plot_panel, line_plot_panel, text_panel  # noqa: PLC0415

    if not columns:
        yield text_panel("Nothing to compare now", _TOO_FEW)  # the count of earlier looks stays below it
    count = PanelMetric(metric="DriftedColumnsCount", metric_labels={"value_type": "count"}, legend="columns")
    yield bar_plot_panel("Columns that drifted", [count])  # a line of one look is nothing to be seen
    for view, names in groupby(columns, key=lambda name: name.partition(":")[0]):
        lines = [
            PanelMetric(metric="ValueDrift", metric_labels={"column": name}, legend=name.partition(": ")[2])
            for name in names
        ]
        yield line_plot_panel(f"{view.capitalize()}: how far from what the champion was trained on", lines)
