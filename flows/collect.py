"""The flow that asks the watch API who is watching what: a minute at a time by schedule, or as long as one likes."""

import os
import time
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger, task
from prefect.states import Completed
from pydantic import Field

from flows.hooks import HOOKS
from flows.trying import ONCE
from marquee.errors import WatchApiError
from marquee.loop.collecting import KeptPace, collector
from marquee.loop.settings import Settings, read_settings
from marquee.params import Params, read_params

DATA = Path("data")


@flow(name="collect", **HOOKS)
def collect(
    seconds: Annotated[float | None, Field(gt=0)] = None,
) -> Any:
    """Poll the watch API, never more often than agreed; a service that runs pushes new lists for what is new.

    Args:
        seconds: For so long; params.yaml's loop.collect_for_s if not given.
    """
    settings = read_settings(os.environ)
    params = _with_address(read_params(Path("params.yaml")), settings)
    return poll(settings, params, params.loop.collect_for_s if seconds is None else seconds)


@task(**ONCE)
def poll(settings: Settings, params: Params, seconds: float) -> Any:
    with collector(params, settings.database_url, DATA, settings.state, _pace) as one:
        if one is None:
            return Completed(name="Skipped", message="another collector runs: this one is not needed")
        new = known = failed = 0
        for _ in one.pace.turns(seconds):
            try:
                collected = one.collect()
            except WatchApiError as error:
                failed += 1
                get_run_logger().warning(str(error))
                continue
            new, known = new + collected.new, known + collected.known
        told = f"{new} new events, {known} known, {one.rejects.total} set aside, {failed} polls failed"
    get_run_logger().info(told)
    return Completed(message=told)


def _pace(pause_s: float, file: Path) -> KeptPace:
    return KeptPace(pause_s, file, time.time, time.sleep)


def _with_address(params: Params, settings: Settings) -> Params:
    if settings.watch_api_url is None:
        return params
    return params.model_copy(update={"watch_api": params.watch_api.model_copy(update={"url": settings.watch_api_url})})
