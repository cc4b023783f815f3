"""The flow that looks after the champion: drift and live quality -> report -> retrain or roll back, by rules."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.deployments import run_deployment
from prefect.states import Completed

from flows.hooks import HOOKS
from flows.trying import AGAIN, ONCE
from marquee import registry
from marquee.alone import alone
from marquee.data.events import EventStore
from marquee.loop import linking, monitoring, telling, workspace
from marquee.loop.monitoring import Act, Decision, Found
from marquee.loop.settings import Settings, read_settings
from marquee.params import Params, read_params
from marquee.quality.timeline import add

RETRAIN = "retrain/retrain"
DATA = Path("data")
LIMIT_S = 1800  # what takes longer hangs


@flow(name="monitor", timeout_seconds=LIMIT_S, **HOOKS)
def monitor(
    act: bool = True,
) -> Any:
    """How far the world has moved from what the champion knows, and what viewers take of what it shows.

    Args:
        act: Retrain or roll back if the rules say so; else only tell.
    """
    settings, params = read_settings(os.environ), read_params(Path("params.yaml"))
    with alone(settings.state / "monitor.lock") as is_alone:
        if not is_alone:
            return Completed(name="Skipped", message="another look is taken: this one is not needed")
        found = find(settings, params)
        if found is None:
            return Completed(
                name="Nothing to look after", message="there is no champion yet: run the retrain flow once"
            )
        page = report(settings, found)
        decision = decide(settings, params, found)
        note(settings, found, decision, page, act)
        if act and decision.act is Act.ROLL_BACK:
            roll_back(settings, found, decision.why)
        elif act and decision.act is Act.RETRAIN:
            ask_for_retraining(decision.why)
        return Completed(name=decision.act.capitalize(), message=decision.why)


@task(**AGAIN)
def find(settings: Settings, params: Params) -> Found | None:
    now = datetime.now(UTC)
    with EventStore(settings.database_url, params.events, None) as store:
        events = monitoring.recent(store, settings.state / "monitored", now, params.loop.days)
    return monitoring.find(events, settings.registry_url, params, now)


@task(**ONCE)
def report(settings: Settings, found: Found) -> Path | None:
    """As artifacts, for Evidently's pages, and as files for whoever has neither at hand."""
    create_table_artifact(telling.live_table(found.live), key="live-quality", description="By version")
    if found.drift is None:
        return None
    page = monitoring.save_report(found.drift, DATA)
    workspace.keep(found.drift, settings.state / "evidently")
    told = telling.drift_in_words(found.drift)
    create_markdown_artifact(told, key="drift", description="The last days beside the champion's training")
    for link in linking.drift_links(settings, page):
        create_link_artifact(link.address, link.text, key=link.key, description=link.what)
    return page


@task(**ONCE)
def decide(settings: Settings, params: Params, found: Found) -> Decision:
    last = monitoring.last_acts(settings.registry_url, settings.state)
    decision = monitoring.decide(found, last, datetime.now(UTC), params.loop)
    get_run_logger().info("%s: %s", decision.act, decision.why)
    return decision


@task(**ONCE)
def note(settings: Settings, found: Found, decision: Decision, page: Path | None, may_act: bool) -> None:
    """For whoever looks back: one line a look."""
    add(monitoring.look(found, decision, page, may_act, datetime.now(UTC)), settings.state)


@task(name="roll back", **AGAIN)
def roll_back(settings: Settings, found: Found, why: str) -> None:
    assert found.previous is not None
    now = datetime.now(UTC)
    registry.promote(settings.registry_url, found.previous, monitoring.BY, why, now, instead_of=found.champion)
    get_run_logger().info("version %s is champion again", found.previous)


@task(name="ask for a retraining", **AGAIN)
def ask_for_retraining(why: str) -> None:
    """As a run of its own, which nobody waits for here."""
    run_deployment(RETRAIN, parameters={"reason": why}, timeout=0, as_subflow=False)
