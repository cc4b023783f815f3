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
    url = read_settings(os.environ).registry_url
    champion, before = way_back(url)
    back(url, champion, before, by, why)
    return Completed(message=f"version {before} is champion again")


@task(name="find the way back", **AGAIN)
def way_back(url: str) -> tuple[str, str]:
    return registry.way_back(url)


@task(name="roll back", **AGAIN)
def back(url: str, champion: str, before: str, by: str, why: str) -> None:
    registry.promote(url, before, by, why, datetime.now(UTC), instead_of=champion)
