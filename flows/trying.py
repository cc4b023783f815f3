"""Tasks: named as what they do; tried again, with back-off, where a second try can be better than the first."""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import task_run
from prefect.tasks import exponential_backoff

from marquee.errors import BusyError, RegistryError, StoreError


def _may_help(_: object, __: TaskRun, state: State[Any]) -> bool:
    try:
        state.result()
    except (StoreError, RegistryError, BusyError, OSError):
        return True
    except Exception:
        return False
    return False


def _its_name() -> str:
    return str(task_run.get_task_name())


ONCE: dict[str, Any] = {"task_run_name": _its_name}
# What is away may come back.
AGAIN: dict[str, Any] = {
    **ONCE,
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": _may_help,
}
