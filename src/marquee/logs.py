"""Log lines: as text for people, or one JSON object a line for whoever collects them (MARQUEE_LOG=json).

Whatever a library adds to a line of its own, such as the name of a flow's run, is in the object too; so is the trace
that a line was written in, if there is one.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson
from opentelemetry import trace
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

# What BentoML and uvicorn add for their own lines of text.
_THEIRS = ("color_message", "component", "levelname_bracketed", "request_id", "service_name", "trace_msg")


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"


class JsonLines(OrjsonFormatter):
    """Whatever else a formatter in its place is told, such as a format, says nothing to it."""

    def __init__(self, **_: object) -> None:
        names = {"levelname": "level", "name": "logger", "exc_info": "error"}
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields=names,
            reserved_attrs=[*RESERVED_ATTRS, *_THEIRS],
            timestamp="time",
        )

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            log_data["trace_id"] = trace.format_trace_id(span.trace_id)


def use(form: Form) -> None:
    """What this process logs from now on."""
    if form is Form.JSON:
        for logger in (logging.getLogger(), *logging.Logger.manager.loggerDict.values()):
            for handler in getattr(logger, "handlers", ()):
                handler.setFormatter(JsonLines())


def for_prefect(environment: Mapping[str, str]) -> Mapping[str, str]:
    """What makes Prefect's programs do the same: any part of its logging.yml may stand in a variable named after it."""
    if environment.get("MARQUEE_LOG") != Form.JSON:
        return {}
    return {"PREFECT_LOGGING_FORMATTERS_STANDARD_": f"{__name__}.{JsonLines.__name__}"}


def wrapped(part: str, line: str) -> str:
    """A line of one of several programs as an object; one that is an object already is told whose it is."""
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        told = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "message": line}
    return orjson.dumps({"part": part, **told}).decode()
