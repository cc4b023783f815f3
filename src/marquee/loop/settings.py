"""Settings of the loop: where things are, all by environment variables; every number is in params.yaml."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marquee.errors import LoopError
from marquee.registry import beside

_PREFIX = "MARQUEE_"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    database_url: str = Field(default="sqlite:///state/events.db", description="The event store.")
    registry_url: str = Field(
        description="MLflow's database, or its server; if it is not told, beside the event store."
    )
    service_url: str | None = Field(
        default=None, pattern=r"^https?://", description="The live service; looked at after a promotion if it is told."
    )
    service_key: str | None = Field(default=None, description="An API key of it, where it asks for one.")
    mlflow_url: str | None = Field(
        default=None, pattern=r"^https?://", description="MLflow's pages, where reports of a flow lead to."
    )
    evidently_url: str | None = Field(
        default=None, pattern=r"^https?://", description="Evidently's pages, where reports of a flow lead to."
    )
    watch_api_url: str | None = Field(
        default=None, pattern=r"^https?://", description="Instead of that of params.yaml."
    )
    webhook_url: str | None = Field(
        default=None, pattern=r"^https?://", description="Is sent what went wrong with a flow, as JSON."
    )
    state: Path = Field(default=Path("state"), description="A folder for what must outlive a restart.")


def read_settings(environment: Mapping[str, str]) -> Settings:
    """LoopError names the variable that is wrong, and what would be right."""
    told = {
        name: environment[key] for name in Settings.model_fields if environment.get(key := f"{_PREFIX}{name.upper()}")
    }
    try:
        known = Settings.model_validate({"registry_url": "", **told})
        return known.model_copy(update={"registry_url": known.registry_url or beside(known.database_url, known.state)})
    except ValidationError as error:
        faults = (f"{_PREFIX}{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors())
        raise LoopError(f"the loop cannot start: {'; '.join(faults)}") from None
