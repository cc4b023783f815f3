"""First: whoever begins sees how far the world has moved without waiting for the hour."""

from pathlib import Path
from typing import cast
from uuid import UUID

from prefect.deployments import run_deployment
from prefect.deployments.runner import RunnerDeployment

from marquee.quality.timeline import looks


def ask_for_first_look(monitor: RunnerDeployment, state: Path) -> bool:
    """A run of the monitor that only tells, if there was none yet; whoever serves it begins it."""
    if looks(state, 1):
        return False
    made = cast("UUID", monitor.apply())
    run_deployment(made, parameters={"act": False}, timeout=0, as_subflow=False)
    return True
