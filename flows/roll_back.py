"""The flow for whoever wants the champion before this one back: `marquee rollback`, with a form."""

import os
from datetime import UTC, datetime
from typing import Annotated, Any

from prefect import flow, task
from prefect.states import Completed
from pydantic import Field

from flows.hooks import HOOKS
from flows.trying import AGAIN
from marquee import registry
from marquee.loop.settings import read_settings

LIMIT_S = 300


@flow(name="roll-back", flow_run_name="{why}", timeout_seconds=LIMIT_S, **HOOKS)
def roll_back(
    why: Annotated[str, Field(min_length=1)],
    by: Annotated[str, Field(min_length=1)] = "operator",
) -> Any:
    """Make the champion before this one champion again; the service follows within seconds.

    Args:
        why: Is kept in the audit.
        by: Who wants it; is kept too.
    """
    return Completed(message=f"version {back(why, by)} is champion again")


@task(name="roll back", **AGAIN)
def back(why: str, by: str) -> str:
    return registry.roll_back(read_settings(os.environ).registry_url, by, why, datetime.now(UTC))
