"""Settings of the service: where it listens, what it serves from, and its limits, all by environment variables.

`bentoml serve`, `marquee serve` and a built Bento read the same ones; a new setting is one line here, named MARQUEE_...
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from marquee.errors import ServiceError
from marquee.logs import Form

_PREFIX = "MARQUEE_"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    model: Path = Field(default=Path("data/model"), description="The model folder to serve.")
    database_url: str = Field(default="sqlite:///state/events.db", description="The event store.")
    registry_url: str | None = Field(
        default=None, pattern=r"^https?://", description="MLflow: its champion is served as soon as there is one."
    )
    prefect_url: str | None = Field(
        default=None, pattern=r"^https?://", description="Prefect, for an operator to open."
    )
    evidently_url: str | None = Field(
        default=None, pattern=r"^https?://", description="Evidently's workspace, for an operator to open."
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on; any but loopback needs API keys.")
    port: int = Field(default=3000, ge=1, le=65_535)
    workers: int = Field(default=1, ge=1, le=64, description="Processes; they agree through the event store.")
    threads: int | None = Field(
        default=None, ge=1, le=64, description="Lists that a worker works at at once; see `lists_at_once`."
    )
    line: int = Field(default=64, ge=1, le=10_000, description="Requests that may wait in a worker; one more is a 503.")
    timeout_s: float = Field(default=10, gt=0, le=600, description="An answer that takes longer is a 504.")
    body_limit: int = Field(default=1_000_000, ge=1_000, le=100_000_000, description="Bytes of a request.")
    file_limit: int = Field(
        default=20_000_000, ge=1_000, le=100_000_000, description="Bytes of a history that somebody brings along."
    )
    rate: float = Field(default=200, gt=0, description="Requests a second of one key or viewer, in each worker.")
    burst: int = Field(default=400, ge=1, description="How many of them may come at once.")
    log: Form = Field(default=Form.TEXT, description="`json` is one object a line; see logs.py.")
    state: Path = Field(default=Path("state"), description="A folder for what must outlive a restart.")
    compiled: Path | None = Field(
        default=None, description="What `marquee compile` made, to begin with: copied to where numba keeps its own."
    )
    token_secret: SecretStr | None = Field(
        default=None, min_length=32, description="Signs viewers' tokens; if it is left out, one is made and kept."
    )

    @property
    def lists_at_once(self) -> int:
        """Two, where a worker has two processors to itself: half of a list is machine code, and runs side by side; of
        more lists, more wait for the interpreter, and all are late."""
        return self.threads or max(1, min(2, (os.cpu_count() or 1) // self.workers))

    @field_validator("host")
    @classmethod
    def _is_an_address(cls, host: str) -> str:
        return str(ip_address("127.0.0.1" if host == "localhost" else host))


def read_settings(environment: Mapping[str, str]) -> Settings:
    """ServiceError names the variable that is wrong, and what would be right."""
    found = {name: environment[key] for name in Settings.model_fields if environment.get(key := variable(name))}
    try:
        return Settings.model_validate(found)
    except ValidationError as error:
        faults = (f"{variable(str(fault['loc'][0]))}: {fault['msg']}" for fault in error.errors(include_input=False))
        raise ServiceError(f"the service cannot start: {'; '.join(faults)}") from None


def variable(name: str) -> str:
    return f"{_PREFIX}{name.upper()}"


@lru_cache(1_000)
def is_loopback(host: str) -> bool:
    """Also of an address that is none, such as the name of a socket: that can only be this machine's."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
