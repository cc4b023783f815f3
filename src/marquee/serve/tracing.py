"""Traces: where requests spend their time, for a collector of OpenTelemetry's. Without one nothing here is ever called.

OpenTelemetry's own variables say where it is and how many requests are told: OTEL_EXPORTER_OTLP_ENDPOINT,
OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG. FastAPI makes the span of a request, named by its route; below it are the
answer made by a thread, and each question to the event store. Nothing in them tells who asked.
"""

from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any, TypeVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import Engine, event

NAME = "marquee"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROBES = frozenset({"/livez", "/healthz", "/readyz", "/metrics"})
# An address holds a viewer's id, and of a stream even their token.
_PERSONAL = ("url.path", "url.query", "client.address", "user_agent.original")
_TRACER = trace.get_tracer(NAME)

Reply = TypeVar("Reply")


def is_wanted(environment: Mapping[str, str]) -> bool:
    return any(environment.get(name) for name in _ENDPOINTS)


def is_probe(scope: Mapping[str, Any]) -> bool:
    return scope.get("path") in _PROBES


def begin() -> Callable[[], None]:
    """In a worker; what ends it sends what was not sent yet."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - who needs it

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: NAME}).merge(OTELResourceDetector().detect()))
    provider.add_span_processor(_Discreet())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    event.listen(Engine, "before_cursor_execute", _ask)
    event.listen(Engine, "after_cursor_execute", _asked)
    event.listen(Engine, "handle_error", _failed)
    return provider.shutdown


class _Discreet(SpanProcessor):
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - as it is called
        for name in _PERSONAL:
            if name in (span.attributes or {}):
                span.set_attribute(name, "")


def carried(answer: Callable[..., Reply], *asked: object) -> Callable[[], Reply]:
    """The same answer, as part of the request that is being traced, by whichever thread makes it."""
    context = copy_context()

    def told() -> Reply:
        with _TRACER.start_as_current_span("answer"):
            return answer(*asked)

    return lambda: context.run(told)


def _ask(_: object, __: object, statement: str, ___: object, context: Any, ____: object) -> None:
    """A question that is part of no request is not told; nor is what was asked for, but how."""
    if trace.get_current_span().is_recording():
        told = {"db.query.text": statement}
        context.marquee_span = _TRACER.start_span("event store", kind=SpanKind.CLIENT, attributes=told)


def _asked(_: object, __: object, ___: object, ____: object, context: Any, _____: object) -> None:
    if span := getattr(context, "marquee_span", None):
        span.end()


def _failed(failure: Any) -> None:
    if span := getattr(failure.execution_context, "marquee_span", None):
        span.set_status(StatusCode.ERROR)
        span.end()
