"""
OpenTelemetry's own kit, for spans, metrics and events that are there already: it encodes them and sends them to a collector (OTLP over HTTP).

The kit is an extra and is loaded only where a collector is named.
"""

import logging
import platform
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

from pointsman.core.entry import CallRecord, Entry
from pointsman.core.errors import ExtraMissing
from pointsman.core.target import Target
from pointsman.telemetry import conventions as named
from pointsman.telemetry.events import Event
from pointsman.telemetry.reading import OK
from pointsman.telemetry.spans import CLIENT, INTERNAL, SERVER, Span, attempt_attributes, is_inference

_MS: Final = 1000.0
_NANO_USD: Final = 1_000_000_000
# The buckets that the conventions advise, in seconds and in tokens.
_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
_KINDS: Final[Mapping[str, str]] = MappingProxyType({SERVER: "SERVER", INTERNAL: "INTERNAL", CLIENT: "CLIENT"})


class Collector(Struct, frozen=True, kw_only=True):
    """Where to send, and in whose name. `url` has no path of a signal; `headers` are secret."""

    url: str
    service: str
    version: str
    instance: str
    semconv: str
    headers: Mapping[str, str] = {}
    timeout_s: float = 5.0


class Otlp:
    """Sends to one collector. Raises `ExtraMissing` where the kit is not installed."""

    def __init__(self, to: Collector) -> None:
        self._to = to
        self._trace, self._sdk, self._metrics, self._logs = _kit()
        # The kit tells of every attempt that fails; whoever sends tells of it once.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        resource = self._sdk["resources"].Resource(
            {
                "service.name": to.service,
                "service.version": to.version,
                "service.instance.id": to.instance,
                "process.runtime.version": platform.python_version(),
                "telemetry.sdk.language": "python",
                "telemetry.sdk.name": "opentelemetry",
            }
        )
        self._resource = resource
        self._scope = self._sdk["scope"].InstrumentationScope(named.SCOPE, to.version, named.schema_url(to.semconv))
        self._exporters = [
            made(endpoint=f"{to.url.rstrip('/')}/v1/{signal}", headers=dict(to.headers), timeout=to.timeout_s)
            for signal, made in (
                ("traces", self._sdk["span"].OTLPSpanExporter),
                ("metrics", self._sdk["metric"].OTLPMetricExporter),
                ("logs", self._sdk["log"].OTLPLogExporter),
            )
        ]
        self._reader = self._metrics.export.InMemoryMetricReader()
        self._provider = self._metrics.MeterProvider(metric_readers=[self._reader], resource=resource, shutdown_on_exit=False)
        self._measured = _Measured(self._provider.get_meter(named.SCOPE, to.version, named.schema_url(to.semconv)), to.semconv)

    def send_spans(self, spans: Sequence[Span]) -> bool:
        """Send spans; tell whether the collector took them."""
        return self._exporters[0].export([self._span(span) for span in spans]).name == "SUCCESS"

    def send_events(self, events: Sequence[Event]) -> bool:
        """Send events; tell whether the collector took them."""
        return self._exporters[2].export([self._event(event) for event in events]).name == "SUCCESS"

    def measure(self, record: CallRecord, targets: Mapping[str, Target]) -> None:
        """Add a call to the metrics. Quick: nothing is sent."""
        self._measured.call(record, targets)

    def send_metrics(self) -> bool | None:
        """Send the metrics as they are now; tell whether the collector took them. None where nothing was measured yet, and so nothing is sent."""
        data = self._reader.get_metrics_data()
        return None if data is None else self._exporters[1].export(data).name == "SUCCESS"

    def close(self) -> None:
        """Give up what is under way."""
        for exporter in self._exporters:
            exporter.shutdown()
        self._provider.shutdown()

    def _context(self, trace: str, span: str, *, is_remote: bool) -> Any:
        return self._trace.SpanContext(int(trace, 16), int(span, 16), is_remote=is_remote, trace_flags=self._trace.TraceFlags(1))

    def _span(self, span: Span) -> Any:
        code = self._trace.StatusCode
        return self._sdk["trace"].ReadableSpan(
            name=span.name,
            context=self._context(span.trace, span.span, is_remote=False),
            parent=None if span.parent is None else self._context(span.trace, span.parent, is_remote=span.parent_is_remote),
            resource=self._resource,
            attributes=dict(span.attributes),
            kind=self._trace.SpanKind[_KINDS[span.kind]],
            status=self._trace.Status(code.UNSET if span.error is None else code.ERROR),
            start_time=span.begun_ns,
            end_time=span.ended_ns,
            instrumentation_scope=self._scope,
        )

    def _event(self, event: Event) -> Any:
        context = None
        if event.trace:
            above = self._trace.NonRecordingSpan(self._context(event.trace, event.span, is_remote=False))
            context = self._trace.set_span_in_context(above)
        told = self._logs.LogRecord(
            timestamp=event.at_ns, observed_timestamp=event.at_ns, context=context, event_name=event.name, attributes=dict(event.attributes)
        )
        return self._sdk["logs"].ReadableLogRecord(told, resource=self._resource, instrumentation_scope=self._scope)


class _Measured:
    """The instruments of one convention, or of both."""

    def __init__(self, meter: Any, semconv: str) -> None:
        def seconds(name: str, says: str) -> Any:
            return meter.create_histogram(name, unit="s", description=says, explicit_bucket_boundaries_advisory=_SECONDS)

        def tokens(name: str, says: str) -> Any:
            return meter.create_histogram(name, unit="{token}", description=says, explicit_bucket_boundaries_advisory=_TOKENS)

        self._durations = [seconds(name, "The time of one attempt at a model.") for name in named.names("duration", semconv)]
        self._firsts = [seconds(name, "The time to the first piece of an answer.") for name in named.names("first_chunk", semconv)]
        self._workflows = [seconds(name, "The time of a whole call.") for name in named.names("workflow_duration", semconv)]
        self._http = seconds("http.server.request.duration", "The time of a whole call.")
        self._cost = meter.create_counter("pointsman.cost", unit="USD", description="What attempts cost, as far as it is known.")
        self._by_type = tokens(named.OLD_TOKEN_USAGE, "Tokens of one attempt.") if named.tells_old(semconv) else None
        self._by_kind = (
            {key: meter.create_counter(name, unit="{token}") for key, name in named.NEXT_TOKEN_COUNTERS.items()} if named.tells_next(semconv) else {}
        )
        self._sums = (
            [(tokens(named.NEXT_TOKENS_IN, "Tokens in."), "tokens_in"), (tokens(named.NEXT_TOKENS_OUT, "Tokens out."), "tokens_out")]
            if named.tells_next(semconv)
            else []
        )

    def call(self, record: CallRecord, targets: Mapping[str, Target]) -> None:
        failed = {} if record.status == OK else {named.ERROR_TYPE: record.status}
        route = {} if record.dialect is None else {"http.route": named.ROUTES[record.dialect]}
        self._http.record(record.latency_ms / _MS, {"http.request.method": "POST", **route, **failed})
        for histogram in self._workflows:
            histogram.record(record.latency_ms / _MS, {named.WORKFLOW: record.workflow, **failed})
        for entry in record.entries:
            if is_inference(entry):
                self._attempt(record, entry, target=targets.get(entry.target))

    def _attempt(self, record: CallRecord, entry: Entry, *, target: Target | None) -> None:
        told: dict[str, Any] = attempt_attributes(entry, target)
        for histogram in self._durations:
            histogram.record(entry.latency_ms / _MS, told)
        if entry.first_byte_ms is not None:
            for histogram in self._firsts:
                histogram.record(entry.first_byte_ms / _MS, told)
        if entry.cost_nano_usd:
            self._cost.add(entry.cost_nano_usd / _NANO_USD, {"pointsman.workflow": record.workflow, "pointsman.placement": entry.place.value})
        if entry.usage is None:
            return
        if self._by_type is not None:
            self._by_type.record(entry.usage.tokens_in, {**told, named.TOKEN_TYPE: "input"})
            self._by_type.record(entry.usage.tokens_out, {**told, named.TOKEN_TYPE: "output"})
        for key, counter in self._by_kind.items():
            counter.add(getattr(entry.usage, key), {**told, named.TOKEN_MODALITY: "text"})
        for histogram, key in self._sums:
            histogram.record(getattr(entry.usage, key), told)


def _kit() -> tuple[Any, Mapping[str, Any], Any, Any]:
    """Return the modules that are used. Raises `ExtraMissing`."""
    try:
        sdk = {
            "trace": import_module("opentelemetry.sdk.trace"),
            "resources": import_module("opentelemetry.sdk.resources"),
            "scope": import_module("opentelemetry.sdk.util.instrumentation"),
            "logs": import_module("opentelemetry.sdk._logs"),
            "span": import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter"),
            "metric": import_module("opentelemetry.exporter.otlp.proto.http.metric_exporter"),
            "log": import_module("opentelemetry.exporter.otlp.proto.http._log_exporter"),
        }
        metrics = import_module("opentelemetry.sdk.metrics")
        import_module("opentelemetry.sdk.metrics.export")
        return import_module("opentelemetry.trace"), sdk, metrics, import_module("opentelemetry._logs")
    except ImportError as error:
        raise ExtraMissing(what="Sending to a collector (`telemetry.otlp`)", extra="telemetry") from error
