"""What a real collector gets over a real socket, decoded: spans, events and metrics."""

import logging
from importlib import import_module
from typing import Any

import pytest
from tests.ledger.entries import START_MS, a_record, an_entry, an_outcome
from tests.telemetry.collector import a_collector, attributes
from tests.values import a_target, a_vendor

from pointsman.core.entry import Told
from pointsman.core.errors import ExtraMissing
from pointsman.core.ids import span_id, trace_id
from pointsman.core.place import Dialect
from pointsman.core.reply import Finish, Usage
from pointsman.telemetry.events import Evaluation, of_evaluation, of_outcome
from pointsman.telemetry.otlp import Collector, Otlp
from pointsman.telemetry.spans import spans_of

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TARGETS = {"acme/small": a_target(vendor=a_vendor(kind="openai", base_url="https://api.example.com/v1"))}


def to(url: str, **more: Any) -> Collector:
    return Collector(**{"url": url, "service": "gate", "version": "1.2.3", "instance": "here-1", "semconv": "1.41", "timeout_s": 20.0, **more})


def a_whole_record() -> Any:
    told = Told(reply_id="r-1", model="small-2026", finish=Finish.DONE)
    entry = an_entry(told=told, first_byte_ms=20.0, begun_ms=5.0, usage=Usage(tokens_in=100, tokens_out=7, cache_read=60, cache_write=10, reasoning=3))
    return a_record(entries=(entry,), traceparent=CALLER, workflow="tickets", dialect=Dialect.OPENAI_CHAT)


def test_an_outcome_of_the_year_9999_does_not_take_the_other_events_along() -> None:
    with a_collector() as collector:
        otlp = Otlp(to(collector.url))
        far = 253_402_300_799_999
        assert otlp.send_events([of_outcome(an_outcome(at_ms=far)), of_evaluation(Evaluation(call_id=a_record().call_id, name="n", at_ms=far, workflow=""))])
        otlp.close()


def test_a_collector_gets_the_spans_of_a_call_with_their_real_times() -> None:
    record = a_whole_record()
    with a_collector() as collector:
        otlp = Otlp(to(collector.url, headers={"x-api-token": "s3cret"}))
        assert otlp.send_spans(spans_of(record, TARGETS, semconv="1.41"))
        otlp.close()
    assert collector.headers[0]["x-api-token"] == "s3cret"
    resource = collector.traces[0].resource_spans[0].resource
    assert {"service.name": "gate", "service.version": "1.2.3", "service.instance.id": "here-1"}.items() <= attributes(resource).items()
    server, workflow, chat = collector.spans
    assert [(span.name, span.kind) for span in collector.spans] == [
        ("POST /v1/chat/completions", server.SPAN_KIND_SERVER),
        ("invoke_workflow tickets", server.SPAN_KIND_INTERNAL),
        ("chat small", server.SPAN_KIND_CLIENT),
    ]
    assert {span.trace_id.hex() for span in collector.spans} == {"0af7651916cd43dd8448eb211c80319c"}
    assert (server.parent_span_id.hex(), workflow.parent_span_id, chat.parent_span_id) == ("b7ad6b7169203331", server.span_id, workflow.span_id)
    assert chat.span_id.hex() == span_id(record.call_id, 0)
    assert (server.start_time_unix_nano, server.end_time_unix_nano) == (START_MS * 10**6, (START_MS + 120) * 10**6)
    assert (chat.start_time_unix_nano, chat.end_time_unix_nano) == ((START_MS + 5) * 10**6, (START_MS + 125) * 10**6)
    assert attributes(chat)["gen_ai.response.finish_reasons"] == ("stop",)


@pytest.mark.parametrize(("status", "code"), [("exhausted", 2), ("bad_request", 0), ("cancelled", 0)])
def test_only_what_broke_has_the_status_of_an_error(status: str, code: int) -> None:
    with a_collector() as collector:
        otlp = Otlp(to(collector.url))
        assert otlp.send_spans(spans_of(a_record(entries=(), status=status), {}, semconv="next"))
        otlp.close()
    assert [(span.status.code, attributes(span)["error.type"]) for span in collector.spans] == [(code, status)] * 2


def test_an_evaluation_is_an_event_of_the_judged_span() -> None:
    record = a_record()
    told = Evaluation(
        call_id=record.call_id, name="faithful", at_ms=START_MS, workflow="tickets", value=0.75, label="good", judge="judge@2", seq=0, reply_id="r-1"
    )
    with a_collector() as collector:
        otlp = Otlp(to(collector.url))
        assert otlp.send_events([of_evaluation(told)])
        otlp.close()
    [event] = collector.events
    assert (event.event_name, event.time_unix_nano) == ("gen_ai.evaluation.result", START_MS * 10**6)
    assert (event.trace_id.hex(), event.span_id.hex()) == (trace_id(record.call_id, None), span_id(record.call_id, 0))
    assert attributes(event) == {
        "gen_ai.evaluation.name": "faithful",
        "gen_ai.evaluation.score.value": 0.75,
        "gen_ai.evaluation.score.label": "good",
        "gen_ai.response.id": "r-1",
        "pointsman.workflow": "tickets",
        "pointsman.judge": "judge@2",
    }


def test_an_outcome_is_an_event_of_no_span() -> None:
    with a_collector() as collector:
        otlp = Otlp(to(collector.url))
        assert otlp.send_events([of_outcome(an_outcome(workflow="tickets")), of_outcome(an_outcome(reversed=True)), of_outcome(an_outcome(success=False))])
        otlp.close()
    assert [attributes(event)["gen_ai.evaluation.score.label"] for event in collector.events] == ["useful", "reversed", "failed"]
    assert [attributes(event)["gen_ai.evaluation.score.value"] for event in collector.events] == [1.0, 0.0, 0.0]
    assert attributes(collector.events[0])["pointsman.unit.id"] == "ticket-1"
    assert {event.trace_id for event in collector.events} == {b""}


OLD = {"gen_ai.client.operation.duration", "gen_ai.client.operation.time_to_first_chunk", "gen_ai.client.token.usage"}
NEXT = {
    "gen_ai.client.inference.duration",
    "gen_ai.client.inference.time_to_first_chunk",
    "gen_ai.client.inference.usage.input_tokens",
    "gen_ai.client.inference.usage.output_tokens",
    "gen_ai.client.inference.usage.cache_read.input_tokens",
    "gen_ai.client.inference.usage.cache_write.input_tokens",
    "gen_ai.client.inference.usage.reasoning.output_tokens",
    "gen_ai.client.inference.operation.input_tokens",
    "gen_ai.client.inference.operation.output_tokens",
    "gen_ai.invoke_workflow.duration",
}


@pytest.mark.parametrize(("semconv", "expected"), [("1.41", OLD), ("next", NEXT), ("both", OLD | NEXT)])
def test_metrics_have_the_names_of_the_convention(semconv: str, expected: set[str]) -> None:
    with a_collector() as collector:
        otlp = Otlp(to(collector.url, semconv=semconv))
        otlp.measure(a_whole_record(), TARGETS)
        otlp.measure(a_whole_record(), TARGETS)
        assert otlp.send_metrics()
        otlp.close()
    assert collector.metric_names() == expected | {"http.server.request.duration", "pointsman.cost"}
    if semconv != "next":
        by_type = {attributes(point)["gen_ai.token.type"]: point.sum for point in collector.points("gen_ai.client.token.usage")}
        assert by_type == {"input": 200, "output": 14}
    if semconv != "1.41":
        assert [point.as_int for point in collector.points("gen_ai.client.inference.usage.cache_read.input_tokens")] == [120]
        assert [point.sum for point in collector.points("gen_ai.invoke_workflow.duration")] == [pytest.approx(0.24)]
    [cost] = collector.points("pointsman.cost")
    assert cost.as_double == pytest.approx(2e-6)


def test_what_is_unknown_is_not_measured() -> None:
    entries = (an_entry(cost=None, usage=None, error="overloaded"), an_entry(1, kind="rule", place="rules"))
    with a_collector() as collector:
        otlp = Otlp(to(collector.url))
        otlp.measure(a_record(entries=entries, status="exhausted"), {})
        assert otlp.send_metrics()
        otlp.close()
    assert collector.metric_names() == {"gen_ai.client.operation.duration", "http.server.request.duration"}
    [duration] = collector.points("gen_ai.client.operation.duration")
    assert attributes(duration)["error.type"] == "overloaded"


def test_without_the_kit_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        if name.startswith("opentelemetry.exporter"):
            raise ImportError(name)
        return import_module(name)

    monkeypatch.setattr("pointsman.telemetry.otlp.import_module", missing)
    with pytest.raises(ExtraMissing, match=r"pointsman\[telemetry\]"):
        Otlp(to("http://127.0.0.1:1"))


def test_before_the_first_call_there_are_no_metrics_to_send() -> None:
    with a_collector() as collector:
        otlp = Otlp(to(collector.url))
        assert otlp.send_metrics() is None
        assert collector.metrics == []
        otlp.measure(a_whole_record(), TARGETS)
        assert otlp.send_metrics() is True
        otlp.close()


def test_a_collector_that_refuses_or_is_away_is_no_error_and_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with a_collector() as collector, caplog.at_level(logging.WARNING):
        collector.status = 400
        otlp = Otlp(to(collector.url))
        assert not otlp.send_spans(spans_of(a_record(), {}, semconv="1.41"))
        assert not otlp.send_events([of_evaluation(Evaluation(call_id=a_record().call_id, name="n", at_ms=0, workflow=""))])
        otlp.close()
    away = Otlp(to(collector.url, timeout_s=0.5))
    assert not away.send_spans(spans_of(a_record(), {}, semconv="1.41"))
    away.close()
    assert caplog.records == []
