"""What happens when a flow ends badly: it is logged, and a webhook is told if there is one."""

import os
from typing import Any

import httpx
from prefect import get_run_logger
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow

from marquee.loop.settings import read_settings

_PATIENCE_S = 10.0


def tell(flow: Flow[..., Any], run: FlowRun, state: State[Any]) -> None:
    url = read_settings(os.environ).webhook_url
    if url is None:
        return
    told = {"flow": flow.name, "run": str(run.id), "name": run.name, "state": state.name, "message": state.message}
    try:
        httpx.post(url, json=told, timeout=_PATIENCE_S, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        get_run_logger().warning("the webhook was not told: %s", error)


HOOKS: dict[str, Any] = {"on_failure": [tell], "on_crashed": [tell], "on_cancellation": [tell]}
