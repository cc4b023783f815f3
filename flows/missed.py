"""Missed: runs that a schedule asked for while nobody was here to begin them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterTags,
)
from prefect.client.schemas.filters import FlowRunFilterStateType as OfType
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled

_PAGE = 200  # as many as Prefect tells of at once


def let_go_of_missed(tags: Sequence[str]) -> int:
    """Of each deployment with these tags the latest is still run, for what it does is worth doing once.

    All of them would keep whoever comes back after a night busy for an hour. The answer is how many were let go.
    """
    with get_client(sync_client=True) as client:
        kept, gone = set(), 0
        for run in list(_late(client, tags)):
            if run.deployment_id in kept:
                client.set_flow_run_state(run.id, Cancelled(name="Missed", message="a later one is run"), force=True)
                gone += 1
            kept.add(run.deployment_id)
        return gone


def _late(client: SyncPrefectClient, tags: Sequence[str]) -> Iterator[FlowRun]:
    """The latest first; what somebody asked for by hand is not among them."""
    late = FlowRunFilter(
        tags=FlowRunFilterTags(all_=list(tags)),
        state=FlowRunFilterState(type=OfType(any_=[StateType.SCHEDULED])),
        expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"before_": datetime.now(UTC)}),
    )
    seen = 0
    while runs := client.read_flow_runs(
        flow_run_filter=late, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=_PAGE, offset=seen
    ):
        seen += len(runs)
        yield from (run for run in runs if run.auto_scheduled and run.deployment_id)
