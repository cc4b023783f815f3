"""Orphans: runs that Prefect still takes for running although their process is gone."""

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName, FlowRunFilter, FlowRunFilterState
from prefect.client.schemas.filters import FlowRunFilterStateType as OfType
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed


def end_orphans(flow: str, but: str | None) -> None:
    """Of a flow that runs alone; whoever calls this is the one that runs."""
    with get_client(sync_client=True) as client:
        running = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[flow])),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=OfType(any_=[StateType.RUNNING]))),
        )
        for run in running:
            if but is None or run.id != UUID(but):
                client.set_flow_run_state(run.id, Crashed(message="its process is gone"), force=True)
