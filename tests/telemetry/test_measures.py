"""What a call adds to the figures, and that the figures stay small."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.entries import a_record, an_entry
from tests.telemetry.text import names, samples, value

from pointsman.core.place import Place
from pointsman.intake.errors import OverBudget
from pointsman.settings.workflows import Objective, Workflow
from pointsman.telemetry.measures import BUCKETS_S, FIGURES, GAUGE, MOST_SERIES, Counted, Gauge, count_call, count_promise
from pointsman.telemetry.scrape import merged, rendered, sheet_of

ANSWERS = Objective(name="answers", workflow="tickets", kind="success", share=0.99, window_ms=1)
SPEED = Objective(name="speed", workflow="tickets", kind="latency", share=0.9, window_ms=1, threshold=100.0)
COST = Objective(name="cost", workflow="tickets", kind="cost_per_outcome", share=0.9, window_ms=1, threshold=1.0)
WORKFLOWS = {"tickets": Workflow(name="tickets", capabilities=("support",), objectives=(ANSWERS, SPEED, COST))}


def counted(*records: Any) -> bytes:
    into = Counted()
    for record in records:
        count_call(into, record, workflows=WORKFLOWS)
    return rendered(into, [])


def test_a_call_is_counted_by_where_it_was_answered_and_how_it_ended() -> None:
    text = counted(
        a_record(workflow="tickets"),
        a_record(workflow="tickets", entries=(an_entry(place=Place.CACHE, kind="cache", cost=0),)),
        a_record(workflow="tickets", entries=(), status=OverBudget.code),
        a_record(workflow="tickets", entries=(an_entry(error="overloaded", cost=None, usage=None),), status="exhausted"),
    )
    for place, status in (("cloud", "ok"), ("cache", "ok"), ("none", "refused"), ("none", "failed")):
        assert value(text, "pointsman_requests_total", workflow="tickets", place=place, status=status) == 1
    assert value(text, "pointsman_attempts_total", target="acme/small", result="overloaded") == 1
    assert value(text, "pointsman_attempts_total", target="acme/small", result="ok") == 2
    assert value(text, "pointsman_cost_usd_total", workflow="tickets", place="cloud") == 1e-6
    assert value(text, "pointsman_cost_unknown_total", workflow="tickets") == 1
    assert value(text, "pointsman_tokens_total", workflow="tickets", direction="in") == 20
    assert value(text, "pointsman_tokens_total", workflow="tickets", direction="out") == 10


def test_times_are_told_as_a_histogram() -> None:
    text = counted(*(a_record(workflow="tickets", latency_ms=ms) for ms in (50.0, 50.1, 900.0, 100_000.0)))
    told = [value(text, "pointsman_request_duration_seconds_bucket", workflow="tickets", le=str(bound)) for bound in BUCKETS_S]
    assert told == [1, 2, 2, 2, 3, 3, 3, 3, 3, 3]
    assert value(text, "pointsman_request_duration_seconds_bucket", workflow="tickets", le="+Inf") == 4
    assert value(text, "pointsman_request_duration_seconds_count", workflow="tickets") == 4
    assert value(text, "pointsman_request_duration_seconds_sum", workflow="tickets") == 101.0001


def test_a_step_up_is_counted_by_who_was_not_good_enough() -> None:
    text = counted(a_record(entries=(an_entry(error="schema"), an_entry(1, target="acme/big"))))
    assert value(text, "pointsman_escalations_total", from_="acme/small", to="acme/big") == 1


def test_a_promise_counts_what_it_is_about_and_what_was_not_good() -> None:
    good, slow = a_record(workflow="tickets", latency_ms=99.0), a_record(workflow="tickets")
    failed = a_record(workflow="tickets", status="exhausted", latency_ms=1.0)
    text = counted(good, slow, failed)
    for name, bad in (("answers", 1), ("speed", 1)):
        assert value(text, "pointsman_objective_events_total", workflow="tickets", objective=name) == 3
        assert value(text, "pointsman_objective_bad_total", workflow="tickets", objective=name) == bad
    assert value(text, "pointsman_objective_events_total", workflow="tickets", objective="cost") is None


def test_a_promise_that_was_never_broken_has_its_zero() -> None:
    into = Counted()
    count_promise(into, ANSWERS, is_kept=True)
    count_promise(into, ANSWERS, is_kept=None)
    text = rendered(into, [])
    assert value(text, "pointsman_objective_bad_total", workflow="tickets", objective="answers") == 0
    assert value(text, "pointsman_objective_events_total", workflow="tickets", objective="answers") == 1


def test_every_figure_is_announced_before_it_has_a_value() -> None:
    assert set(FIGURES) <= names(rendered(Counted(), []))
    assert value(rendered(Counted(), [Gauge("pointsman_target_up", ("acme/small",), 0)]), "pointsman_target_up", target="acme/small") == 0


def test_labels_that_grow_without_end_are_counted_together() -> None:
    into = Counted()
    for number in range(MOST_SERIES + 500):
        into.add("pointsman_reviews_total", (f"v{number}",))
        into.observe("pointsman_request_duration_seconds", (f"w{number}",), value=1.0)
    assert (len(into.numbers["pointsman_reviews_total"]), into.numbers["pointsman_reviews_total"][("other",)]) == (MOST_SERIES + 1, 500)
    assert into.spread["pointsman_request_duration_seconds"][("other",)][-2] == 500


def test_no_unit_user_key_tenant_or_model_is_ever_a_label() -> None:
    canary = "canary-4711"
    record = a_record(
        workflow="tickets", unit=canary, user=canary, key_id=canary, tenant=canary, team=canary, application=canary, session=canary, tags={canary: canary}
    )
    assert b"canary" not in counted(record)
    assert not {label for figure in FIGURES.values() for label in figure.labels} & {"unit", "user", "key", "tenant", "model", "call", "session"}


def test_forty_workflows_at_every_place_stay_within_200_kilobytes() -> None:
    into = Counted()
    told = {}
    for number in range(40):
        name = f"a-workflow-with-a-long-name-{number:02}"
        promises = tuple(
            Objective(name=kind, workflow=name, kind=kind, share=0.99, window_ms=1, threshold=100.0) for kind in ("success", "latency", "escalation")
        )
        told[name] = Workflow(name=name, capabilities=(name,), objectives=promises)
        for place in Place:
            kind = {Place.RULES: "rule", Place.CACHE: "cache", Place.PEOPLE: "person"}.get(place, "model")
            count_call(into, a_record(workflow=name, entries=(an_entry(place=place, target=f"vendor/{place}-model-{number % 10}", kind=kind),)), workflows=told)
        for status in ("exhausted", "over_budget", "cancelled"):
            count_call(into, a_record(workflow=name, entries=(an_entry(error="overloaded"),), status=status), workflows=told)
        for state in ("useful", "failed", "reversed"):
            into.add("pointsman_units_total", (name, state))
    gauges = [
        Gauge(name, tuple(f"{label}-{number}" for label in FIGURES[name].labels), 1.5)
        for name in FIGURES
        for number in range(40)
        if FIGURES[name].kind == GAUGE
    ]
    assert 100_000 < len(rendered(into, gauges)) < 200_000


LABELS = st.tuples(st.sampled_from(["a", "b"]))


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 2), LABELS, st.floats(0, 100)), max_size=20))
def test_workers_together_count_what_one_would(told: list[tuple[int, tuple[str], float]]) -> None:
    whole, workers = Counted(), [Counted() for _ in range(3)]
    for worker, labels, seconds in told:
        for into in (whole, workers[worker]):
            into.add("pointsman_reviews_total", labels)
            into.observe("pointsman_request_duration_seconds", labels, value=seconds)
    together, _ = merged([sheet_of(one, [], at_ms=0) for one in workers], at_ms=0)
    found, expected = samples(rendered(together, [])), samples(rendered(whole, []))
    assert {key: round(number, 6) for key, number in found.items()} == {key: round(number, 6) for key, number in expected.items()}
