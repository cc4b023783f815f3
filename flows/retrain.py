"""The flow that makes a new champion: events -> stages -> gate -> register -> promote -> package -> roll out -> check
the live service -> push -> report.

Which stages there are, their order, and what is up to date is DVC's to say. Killed anywhere, it leaves the champion as
it was, and the next run goes on after the last stage that was finished.
"""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.hooks import HOOKS
from flows.orphans import end_orphans
from flows.trying import AGAIN, ONCE
from marquee import bento, registry
from marquee.alone import alone
from marquee.errors import LoopError, MarqueeError
from marquee.loop import linking, pipeline, retraining, rollout, telling
from marquee.loop.judging import Judged
from marquee.loop.settings import Settings, read_settings
from marquee.params import Params, read_params

DATA, HOME = Path("data"), "bentoml"
LIMIT_S = 6 * 3600  # what takes longer hangs


@flow(name="retrain", flow_run_name="{reason}", timeout_seconds=LIMIT_S, **HOOKS)
def retrain(
    reason: str = "by hand",
    promote: bool = True,
) -> Any:
    """Train anew on what is known by now; if the gate finds it better than the champion, serve it.

    Args:
        reason: Why; it is kept in the audit.
        promote: If the gate lets it through, make it champion.
    """
    settings, params = read_settings(os.environ), read_params(Path("params.yaml"))
    with alone(settings.state / "retrain.lock") as is_alone:
        if not is_alone:
            return Completed(name="Skipped", message="another retraining runs: this one is not needed")
        end_orphans("retrain", flow_run.get_id())
        pipeline.clear_the_way()
        position = snapshot(settings, params)
        for name in pipeline.stages():
            stage.with_options(name=name)(name)
        if version := unchanged(settings):
            _finish(settings, version)
            return Completed(name="Unchanged", message=f"nothing new was learnt: version {version} stays champion")
        found = judge(settings, params)
        version = register(settings, position, found)
        if not found.verdict.promoted:
            reasons = "; ".join(rule.name for rule in found.verdict.reasons)
            outcome: State[Any] = Completed(name="Refused", message=f"version {version} is not promoted: {reasons}")
        elif not promote:
            outcome = Completed(name="Waiting", message=f"version {version} is good: `marquee promote {version}`")
        else:
            try:
                outcome = _released(version, reason, settings, params)
            except Exception:
                report(settings, version)  # most of all of what went wrong
                raise
        report(settings, version)
        return outcome


def _released(version: str, reason: str, settings: Settings, params: Params) -> State[Any]:
    before = champion(settings)
    promote_task(settings, version, before, reason)
    packed = package(settings, version, return_state=True)
    if live := _live(settings, params):
        try:
            roll_out(live, version)
            check(live, version)
        except LoopError as error:
            came_of_it = roll_back(settings, version, before, f"the service does not follow: {error}")
            raise LoopError(f"version {version} was promoted, {came_of_it}: {error}") from error
    push()
    packed.result()  # only now, for what is served comes before what is shipped
    return Completed(name="Promoted", message=f"version {version} is champion")


def _live(settings: Settings, params: Params) -> rollout.Live | None:
    clock = rollout.Clock(time.monotonic, time.sleep)
    url, key = settings.service_url, settings.service_key
    return rollout.Live(url, key, params.loop.follow_s, clock) if url else None


def _finish(settings: Settings, version: str) -> None:
    """Who was killed just after the promotion has done neither."""
    if not bento.is_there(version, settings.state / HOME):
        package(settings, version)
    push()


@task(**AGAIN)
def snapshot(settings: Settings, params: Params) -> int:
    position = retraining.snapshot(settings.database_url, params, DATA)
    get_run_logger().info(f"events up to position {position:,}")
    return position


@task(**AGAIN)
def stage(name: str) -> State[Any]:
    """One of DVC's."""
    begun = time.monotonic()
    outcome = pipeline.make(name, get_run_logger().info)
    return Completed(name=outcome.capitalize(), message=f"{outcome} in {time.monotonic() - begun:.1f} s")


@task(name="unchanged?", **AGAIN)
def unchanged(settings: Settings) -> str | None:
    return retraining.same_as_champion(settings.registry_url, DATA)


@task(**AGAIN)
def judge(settings: Settings, params: Params) -> Judged:
    found = retraining.judge(settings.registry_url, params, DATA)
    for rule in found.verdict.rules:
        get_run_logger().info(str(rule))
    create_markdown_artifact(telling.verdict_in_words(found.verdict), key="verdict", description="The gate's verdict")
    if found.difference:
        create_markdown_artifact(found.difference, key="difference", description="What the release changes")
    create_table_artifact(telling.beside_the_champion(found.table), key="metrics", description="Beside the champion")
    return found


@task(**AGAIN)
def register(settings: Settings, position: int, found: Judged) -> str:
    version = retraining.register(settings.registry_url, DATA, position, found)
    get_run_logger().info(f"version {version}")
    return version


@task(name="who is champion?", **AGAIN)
def champion(settings: Settings) -> str | None:
    return registry.champion(settings.registry_url)


@task(name="promote", **AGAIN)
def promote_task(settings: Settings, version: str, before: str | None, reason: str) -> None:
    registry.promote(settings.registry_url, version, "retrain", reason, datetime.now(UTC), instead_of=before)


@task(**AGAIN)
def package(settings: Settings, version: str) -> Path:
    """As one file that serves anywhere."""
    folder = bento.package(settings.registry_url, version, Path(), settings.state / HOME)
    get_run_logger().info(f"version {version} is packaged: {bento.command('serve', folder)}")
    return folder


@task(name="roll out", **ONCE)
def roll_out(live: rollout.Live, version: str) -> None:
    took = rollout.follow(live, version)
    get_run_logger().info(f"the service serves version {version}, {took:.1f} s after it was packaged")


@task(name="check the live service", **ONCE)
def check(live: rollout.Live, version: str) -> None:
    if rollout.check(live, version):
        get_run_logger().info(f"it is ready, and lists are made by version {version}")
    else:
        get_run_logger().warning("it is ready, but makes us no list: MARQUEE_SERVICE_KEY is no key of it that may read")


@task(**AGAIN)
def report(settings: Settings, version: str) -> None:
    """Where all that is known of it can be read."""
    for link in linking.links(settings, version, DATA):
        create_link_artifact(link.address, link.text, key=link.key, description=link.what)


@task(**AGAIN)
def push() -> None:
    """The data of a champion, to DVC's remote if there is one."""
    if not pipeline.push(get_run_logger().info):
        get_run_logger().info("no remote of DVC: the data of this version is in the cache alone")


@task(name="roll back", **AGAIN)
def roll_back(settings: Settings, version: str, before: str | None, reason: str) -> str:
    """What came of it, in words."""
    if before is None:
        return "and stays champion, for there was none before it"
    try:
        registry.promote(settings.registry_url, before, "retrain", reason, datetime.now(UTC), instead_of=version)
    except MarqueeError as error:
        get_run_logger().error(str(error))
        return f"and not rolled back to {before}"
    return f"and rolled back to {before}"
