"""Telemetry put together: settings in, spans, metrics and figures out, over real sockets."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.entries import a_record, an_entry, an_outcome
from tests.settings.files import settings_of
from tests.telemetry.collector import Collector, a_collector, attributes, eventually
from tests.telemetry.text import value
from tests.values import Time

from pointsman.app.telemetry import Telemetry
from pointsman.core.errors import CredentialMissing, Unusable
from pointsman.settings.load import Settings
from pointsman.settings.secret_value import Secret
from pointsman.telemetry.courier import Courier
from pointsman.telemetry.events import Evaluation
from pointsman.telemetry.measures import Counted, Gauge
from pointsman.telemetry.said import Said
from pointsman.telemetry.scrape import SharedSheets, sheet_of

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CONFIG = """
vendors: {acme: {kind: openai_compatible, base_url: "http://127.0.0.1:1/v1"}}
targets: {acme/small: {vendor: acme, model: small}}
capabilities: {support: {ladder: [acme/small]}}
workflows:
  tickets:
    capabilities: [support]
    objectives:
      answers: {kind: success, share: 0.99}
      good: {kind: quality, share: 0.9, threshold: 0.7}
"""


def told(folder: Path, **telemetry: Any) -> Settings:
    return settings_of(folder, f"{CONFIG}\ntelemetry: {json.dumps(telemetry)}\n")


def no_secret(reference: str) -> Secret:
    raise CredentialMissing(f"The credential `{reference}` is missing. Set it.")


@contextmanager
def telemetry(settings: Settings, **more: Any) -> Iterator[Telemetry]:
    made = Telemetry(settings, clock=Time().clock, **{"secret": no_secret, **more})
    try:
        yield made
    finally:
        made.close()


def reviewed(**more: Any) -> Evaluation:
    return Evaluation(**{"call_id": a_record().call_id, "name": "review", "at_ms": 1, "workflow": "tickets", **more})


def test_without_a_collector_calls_are_counted_and_nothing_is_sent(tmp_path: Path) -> None:
    with telemetry(told(tmp_path)) as made:
        made.note(a_record(workflow="tickets"))
        made.outcome(an_outcome(), workflow="tickets")
        made.evaluation(reviewed())
        made.content(Said(call_id=a_record().call_id, traceparent=SAMPLED, request=b"{}", answer=b"{}"))
        text = made.render_metrics()
    assert value(text, "pointsman_requests_total", workflow="tickets", place="cloud", status="ok") == 1
    assert value(text, "pointsman_objective_target", workflow="tickets", objective="answers") == 0.99
    assert value(text, "pointsman_telemetry_dropped_total", what="spans") == 0


def test_a_collector_gets_what_is_sampled_with_its_secret_header(tmp_path: Path) -> None:
    with a_collector() as collector:
        settings = told(tmp_path, otlp=collector.url, otlp_headers={"x-token": "env:TOKEN"}, sample=0.0, service="gate")
        with telemetry(settings, secret=lambda _: Secret("s3cret")) as made:
            made.note(a_record(1))
            made.note(a_record(2, traceparent=SAMPLED))
            made.note(a_record(3, status="exhausted", entries=(an_entry(error="overloaded"),)))
        assert {headers["x-token"] for headers in collector.headers} == {"s3cret"}
        assert {attributes(span).get("pointsman.call.id") for span in collector.spans} == {None, a_record(2).call_id, a_record(3).call_id}
        [workflows] = {point.count for point in collector.points("http.server.request.duration") if not attributes(point).get("error.type")}
        assert workflows == 2  # metrics count every call


def test_outcomes_reviews_and_scores_are_events_and_figures(tmp_path: Path) -> None:
    with a_collector() as collector:
        text = _judged(told(tmp_path, otlp=collector.url))
    assert len(collector.events) == 8
    states = ("useful", "failed", "reversed")
    assert [value(text, "pointsman_units_total", workflow="tickets", state=state) for state in states] == [1, 1, 1]
    assert value(text, "pointsman_reviews_total", verdict="approved") == value(text, "pointsman_reviews_total", verdict="other") == 1
    assert value(text, "pointsman_objective_events_total", workflow="tickets", objective="good") == 2
    assert value(text, "pointsman_objective_bad_total", workflow="tickets", objective="good") == 1
    assert b"canary" not in text
    assert b"unheard" not in text


def _judged(settings: Settings) -> bytes:
    with telemetry(settings) as made:
        for outcome in (an_outcome(), an_outcome(success=False), an_outcome(reversed=True)):
            made.outcome(outcome, workflow="tickets")
        made.outcome(an_outcome(), workflow="unheard-of")
        made.review(reviewed(label="approved", value=1.0))
        made.review(reviewed(label="canary", value=0.2))
        made.evaluation(reviewed(name="faithful"))
        made.evaluation(reviewed(workflow="unheard-of", value=0.5))
        return made.render_metrics()


SAID = Said(
    call_id=a_record().call_id,
    traceparent=SAMPLED,
    request=b'{"messages": [{"role": "user", "content": "Where?"}]}',
    answer=b'{"choices": [{"message": {"content": "There."}}]}',
)


@pytest.mark.parametrize(("content", "traceparent", "count"), [(True, SAMPLED, 1), (False, SAMPLED, 0), (True, SAMPLED[:-2] + "00", 0)])
def test_content_is_sent_only_where_it_is_wanted_and_the_call_is_sampled(tmp_path: Path, content: bool, traceparent: str, count: int) -> None:
    with a_collector() as collector:
        with telemetry(told(tmp_path, otlp=collector.url, content=content, sample=0.0)) as made:
            made.content(Said(call_id=SAID.call_id, traceparent=traceparent, request=SAID.request, answer=SAID.answer))
        assert len(collector.events) == count
    for event in collector.events:
        assert (event.event_name, event.trace_id.hex()) == ("gen_ai.client.inference.operation.details", SAMPLED[3:35])
        assert json.loads(attributes(event)["gen_ai.output.messages"]) == [{"role": "assistant", "parts": [{"type": "text", "content": "There."}]}]


def test_a_reload_follows_the_settings(tmp_path: Path) -> None:
    with a_collector() as first, a_collector() as second:
        with telemetry(told(tmp_path, otlp=first.url, sample=1.0)) as made:
            made.note(a_record(1))
            made.reload(told(tmp_path, otlp=second.url, sample=1.0, metrics=False))
            made.note(a_record(2))
            assert not made.tells_metrics
            eventually(lambda: first.spans)
            made.reload(told(tmp_path))
            eventually(lambda: second.spans)
            made.note(a_record(3))
            made.render_metrics()
        assert [_calls(collector) for collector in (first, second)] == [{a_record(1).call_id}, {a_record(2).call_id}]


def _calls(collector: Collector) -> set[str]:
    return {told for span in collector.spans if (told := attributes(span).get("pointsman.call.id"))}


def test_a_reload_to_a_collector_that_cannot_be_used_leaves_the_last_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with a_collector() as collector:
        with telemetry(told(tmp_path, otlp=collector.url, sample=1.0)) as made:
            made.reload(told(tmp_path, otlp="http://127.0.0.1:1", otlp_headers={"x": "env:NONE"}, sample=1.0))
            made.note(a_record(1))
        assert _calls(collector) == {a_record(1).call_id}
    assert "The credential `env:NONE` is missing" in caplog.text


@pytest.mark.parametrize("address", ["nowhere", "ftp://host", "http://user:word@host"])
def test_nothing_starts_with_an_address_that_is_none(tmp_path: Path, address: str) -> None:
    with pytest.raises(Unusable):
        Telemetry(told(tmp_path, otlp=address), clock=Time().clock, secret=no_secret)


def test_a_target_of_the_snapshot_before_is_still_known(tmp_path: Path) -> None:
    with a_collector() as collector:
        with telemetry(told(tmp_path, otlp=collector.url, sample=1.0)) as made:
            renamed = CONFIG.replace("acme/small", "acme/new") + f"\ntelemetry: {json.dumps({'otlp': collector.url, 'sample': 1.0})}\n"
            made.reload(settings_of(tmp_path, renamed))
            made.note(a_record(1))
        assert "chat small" in [span.name for span in collector.spans]


def test_what_others_know_is_asked_when_figures_are_wanted(tmp_path: Path) -> None:
    def broken() -> list[Gauge]:
        raise RuntimeError("canary")

    with telemetry(told(tmp_path), common=(lambda: [Gauge("pointsman_budget_limit_usd", ("all",), 5)],)) as made:
        made.watch(lambda: [Gauge("pointsman_target_up", ("acme/small",), 1)], is_common=False)
        made.watch(broken, is_common=False)
        made.watch(lambda: [Gauge("pointsman_objective_burn_rate", ("tickets", "answers", "1h"), 2.5)], is_common=True)
        text = made.render_metrics()
    assert value(text, "pointsman_budget_limit_usd", budget="all") == 5
    assert value(text, "pointsman_target_up", target="acme/small") == 1
    assert value(text, "pointsman_objective_burn_rate", workflow="tickets", objective="answers", window="1h") == 2.5
    assert value(text, "pointsman_queue_depth", queue="telemetry") == 0


def test_workers_in_one_folder_are_told_of_together(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    counted = Counted()
    counted.add("pointsman_reviews_total", ("approved",), amount=4)
    SharedSheets(shared, "1").write(sheet_of(counted, [], at_ms=Time().wall_ms))
    with telemetry(told(tmp_path), shared=shared) as made:
        made.review(reviewed(label="approved"))
        text = made.render_metrics()
    assert value(text, "pointsman_reviews_total", verdict="approved") == 5
    assert value(text, "pointsman_workers") == 2
    assert len(list(shared.iterdir())) == 2  # its own sheet was written at the end


def test_what_does_not_fit_is_left_out_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.app.telemetry._MOST_WAITING", 10)
    with telemetry(told(tmp_path)) as made:
        made._stop.set()  # so that nobody counts meanwhile
        made._thread.join()
        for number in range(25):
            made.note(a_record(number, workflow="tickets"))
        text = made.render_metrics()
    assert value(text, "pointsman_requests_total", workflow="tickets", place="cloud", status="ok") == 10
    assert value(text, "pointsman_telemetry_dropped_total", what="calls") == 15


def test_a_fault_in_counting_is_told_and_counting_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("pointsman.app.telemetry._EVERY_S", 0.005)
    with telemetry(told(tmp_path)) as made:
        made.note(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        eventually(lambda: "a part of telemetry was left out" in caplog.text)
        made.note(a_record(workflow="tickets"))
        eventually(lambda: value(made.render_metrics(), "pointsman_requests_total", workflow="tickets", place="cloud", status="ok") == 1)


def test_a_dead_collector_costs_whoever_notes_a_call_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.app.telemetry.Courier", partial(Courier, patience_s=0.02))
    with telemetry(told(tmp_path, otlp="http://127.0.0.1:1", sample=1.0)) as made:
        records = [a_record(number) for number in range(3000)]
        began = time.thread_time()
        for record in records:
            made.note(record)
        assert (time.thread_time() - began) / len(records) < 30e-6
        text = made.render_metrics()
        assert value(text, "pointsman_requests_total", workflow="", place="cloud", status="ok") == 3000
