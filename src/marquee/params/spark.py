"""What the section on the cluster holds."""

from pydantic import Field

from marquee.params.section import Section


class SparkParams(Section):
    master: str
    settings: dict[str, str]
    rows: int = Field(ge=1, le=100_000_000)
