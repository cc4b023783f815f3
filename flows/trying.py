"""Trying again, with back-off, where a second try can be better than the first: what is away may come back."""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun
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


AGAIN: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": _may_help,
}
