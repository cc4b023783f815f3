"""All flows with their schedules, served by one process: `python -m flows.serve`; for workers there is prefect.yaml."""

import logging
import os
from pathlib import Path
from typing import Any

from prefect import serve
from prefect.deployments.runner import RunnerDeployment

from flows.collect import collect
from flows.first import ask_for_first_look
from flows.missed import let_go_of_missed
from flows.monitor import monitor
from flows.retrain import retrain
from flows.roll_back import roll_back
from marquee.loop.settings import read_settings
from marquee.params import read_params

TAGS = ["marquee"]


def deployments() -> list[RunnerDeployment]:
    loop = read_params(Path("params.yaml")).loop
    told: Any = [
        collect.to_deployment("collect", cron=loop.collect_cron, tags=[*TAGS, "events"]),
        retrain.to_deployment(
            "retrain", cron=loop.retrain_cron, parameters={"reason": "the schedule"}, tags=[*TAGS, "models"]
        ),
        monitor.to_deployment("monitor", cron=loop.monitor_cron, tags=[*TAGS, "models"]),
        roll_back.to_deployment("roll-back", tags=[*TAGS, "models"]),
    ]
    return list(told)


if __name__ == "__main__":
    # Ended while a flow runs, Prefect's runner leaves asyncio to complain of connections that nobody needs any more.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    let_go_of_missed(TAGS)
    served = deployments()
    (looking,) = (each for each in served if each.name == "monitor")
    ask_for_first_look(looking, read_settings(os.environ).state)
    serve(*served, print_starting_message=False)
