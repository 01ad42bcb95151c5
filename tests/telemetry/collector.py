"""
A collector: an HTTP server that decodes what OpenTelemetry sends (OTLP, protobuf) and keeps it.
"""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Attributes = dict[str, Any]


class Collector(ThreadingHTTPServer):
    """Keeps what it is sent. `status` is what it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        self.status = 200
        self.headers: list[dict[str, str]] = []
        self.traces: list[ExportTraceServiceRequest] = []
        self.logs: list[ExportLogsServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def spans(self) -> list[Any]:
        return [span for told in self.traces for resource in told.resource_spans for scope in resource.scope_spans for span in scope.spans]

    @property
    def events(self) -> list[Any]:
        return [event for told in self.logs for resource in told.resource_logs for scope in resource.scope_logs for event in scope.log_records]

    def points(self, name: str) -> list[Any]:
        """Return the data points of a metric, as they were sent last."""
        found: list[Any] = []
        for resource in self.metrics[-1].resource_metrics if self.metrics else ():
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics if metric.name == name):
                found.extend((metric.histogram if metric.HasField("histogram") else metric.sum).data_points)
        return found

    def metric_names(self) -> set[str]:
        told = self.metrics[-1].resource_metrics if self.metrics else ()
        return {metric.name for resource in told for scope in resource.scope_metrics for metric in scope.metrics}


class _Handler(BaseHTTPRequestHandler):
    server: Collector  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.server.status == 200:
            kept, kind = {
                "/v1/traces": (self.server.traces, ExportTraceServiceRequest),
                "/v1/logs": (self.server.logs, ExportLogsServiceRequest),
                "/v1/metrics": (self.server.metrics, ExportMetricsServiceRequest),
            }[self.path]
            kept.append(kind.FromString(body))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's own name
        del format, args


@contextmanager
def a_collector() -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.shutdown()
        collector.server_close()
        thread.join()


def attributes(told: Any) -> Attributes:
    """Return the attributes of a span, an event or a data point."""
    return {one.key: _value(one.value) for one in told.attributes}


def eventually(what: Callable[[], Any], within_s: float = 20.0) -> Any:
    """Return what becomes true."""
    until = time.monotonic() + within_s
    while not (found := what()):
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.005)
    return found


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return tuple(_value(one) for one in value.array_value.values) if kind == "array_value" else getattr(value, kind)
