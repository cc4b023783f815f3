"""What others see of a service: traces sent to a real collector's address, and log lines as JSON."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.serve.running import Running, an_event, running, saved, until

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Collector:
    """OTLP over HTTP, as every collector takes it."""

    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def take(self, body: bytes) -> None:
        for told in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {
                each.value.string_value for each in told.resource.attributes if each.key == "service.name"
            }
            self.spans += [span for scope in told.scope_spans for span in scope.spans]

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]

    def below(self, span: Any) -> set[str]:
        own = [each for each in self.spans if each.parent_span_id == span.span_id]
        return {each.name for each in own} | {name for each in own for name in self.below(each)}


@pytest.fixture(scope="module")
def collector() -> Iterator[tuple[Collector, str]]:
    taken = Collector()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            taken.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield taken, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def service(collector: tuple[Collector, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("observed")
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector[1],
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "MARQUEE_LOG": "json",
    }
    with running(folder, saved(folder / "model"), settings) as service:
        yield service


@pytest.fixture(scope="module")
def traced(service: Running, collector: tuple[Collector, str]) -> Collector:
    """After one of each kind of request."""
    taken, _ = collector
    assert service.post("/recommend", {"user_id": 6}, headers={"traceparent": PARENT}).status_code == 200
    assert service.post("/events", {"events": [an_event("a")]}).status_code == 200
    assert service.get("/viewers/424242?token=secret").status_code == 200
    for path in ("/livez", "/readyz", "/metrics"):
        assert service.get(path).status_code == 200
    until(lambda: taken.named("GET /viewers/{user_id}"), lambda: f"no trace came: {service.logged()}")
    return taken


def test_a_request_is_a_span_with_what_it_waited_for_below_it(traced: Collector) -> None:
    (of_list,), (of_events,) = traced.named("POST /recommend"), traced.named("POST /events")
    for span in (of_list, of_events):
        assert {"fastapi.endpoint", "answer", "event store"} <= traced.below(span)
    assert traced.services == {"marquee"}


def test_a_trace_that_was_begun_by_who_asks_is_gone_on_with(traced: Collector) -> None:
    (of_list,) = traced.named("POST /recommend")
    assert f"00-{of_list.trace_id.hex()}-{of_list.parent_span_id.hex()}-01" == PARENT


def test_neither_viewers_nor_secrets_are_in_a_trace_and_no_probe_is_one(traced: Collector) -> None:
    told = " ".join(map(str, traced.spans))
    assert not re.search(r"424242|secret|livez|readyz|metrics", told)
    known = {span.span_id for span in traced.spans}
    roots = {span.name for span in traced.spans if span.parent_span_id not in known}
    assert roots == {"POST /recommend", "POST /events", "GET /viewers/{user_id}"}


def test_every_line_of_the_log_is_an_object(service: Running) -> None:
    lines = [json.loads(line) for line in service.logged().splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert any("is served from now on" in line["message"] and line["level"] == "INFO" for line in lines)


def test_workers_end_with_who_watches_over_them_however_that_one_ends(service: Running) -> None:
    """The last one of this service: it ends it."""
    service.stop(signal.SIGKILL)
    until(lambda: not answers(service), service.logged)
    assert "so it ends" in service.logged()
    assert "Traceback" not in service.logged()


def answers(service: Running) -> bool:
    try:
        return service.get("/livez").is_success
    except httpx.TransportError:
        return False


def test_without_a_collector_nothing_is_traced() -> None:
    code = (
        "from marquee.serve import service; from opentelemetry import trace\n"
        "print(service.TRACED, type(trace.get_tracer_provider()).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False ProxyTracerProvider\n"
