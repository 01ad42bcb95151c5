"""A finished call as spans: what hangs on what, when, and with which attributes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.entries import START_MS, a_record, an_entry
from tests.values import a_target, a_vendor

from pointsman.core.call import Sampling
from pointsman.core.entry import CallRecord, Entry, Told
from pointsman.core.ids import span_id, trace_id, traceparent
from pointsman.core.place import Place
from pointsman.core.reply import Finish, Usage
from pointsman.telemetry.spans import Span, is_chosen, is_sampled, spans_of

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TARGETS = {"acme/small": a_target(vendor=a_vendor(kind="anthropic", base_url="https://api.example.com/v1"))}


def spans(record: CallRecord, semconv: str = "1.41") -> tuple[Span, ...]:
    return spans_of(record, TARGETS, semconv=semconv)


def of_attempt(entry: Entry, semconv: str = "1.41", **more: Any) -> Span:
    return spans(a_record(entries=(entry,), **more), semconv)[2]


def test_a_workflow_tells_why_the_call_went_where_it_went() -> None:
    entries = (an_entry(error="not_json"), an_entry(1, target="acme/big"))
    record = a_record(entries=entries, workflow="tickets", unit="ticket-1", session="s-1", reason="escalated", considered=(("acme/eu", "too_strict"),))
    assert spans(record)[1].attributes == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "tickets",
        "gen_ai.conversation.id": "s-1",
        "pointsman.workflow": "tickets",
        "pointsman.capability": "support",
        "pointsman.unit.id": "ticket-1",
        "pointsman.policy.version": "0123456789abcdef",
        "pointsman.route.reason": "escalated",
        "pointsman.route.mode": "policy",
        "pointsman.route.propensity": 1.0,
        "pointsman.route.candidates": ("acme/eu=too_strict",),
        "pointsman.data.class": "internal",
        "pointsman.cache.outcome": "miss",
        "pointsman.placement": "cloud",
        "pointsman.escalation.from": ("acme/small",),
        "pointsman.tenant": "default",
    }


def test_an_attempt_at_a_model_has_all_that_the_conventions_ask_for() -> None:
    usage = Usage(tokens_in=100, tokens_out=7, cache_read=60, cache_write=10, reasoning=3)
    entry = an_entry(usage=usage, first_byte_ms=20.0, told=Told(reply_id="r-1", model="small-2026", finish=Finish.TOOLS), cost=2_500_000_000)
    sampling = Sampling(max_tokens=50, temperature=0.0, top_p=0.9, top_k=4, effort="low", stop=("canary",))
    found = of_attempt(entry, "both", sampling=sampling, stream=True, session="s-1", workflow="tickets")
    assert (found.name, found.kind, found.error) == ("chat small", "client", None)
    assert found.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "small",
        "server.address": "api.example.com",
        "server.port": 443,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.top_k": 4,
        "gen_ai.request.reasoning.level": "low",
        "gen_ai.request.stream": True,
        "gen_ai.conversation.id": "s-1",
        "gen_ai.response.model": "small-2026",
        "gen_ai.response.id": "r-1",
        "gen_ai.response.finish_reasons": ("tool_call",),
        "gen_ai.response.time_to_first_chunk": 0.02,
        "gen_ai.usage.input_tokens": 100,  # cached ones included
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.cache_creation.input_tokens": 10,
        "gen_ai.usage.cache_write.input_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 3,
        "pointsman.usage.estimated": False,
        "pointsman.cost.amount": 2.5,
        "pointsman.cost.currency": "USD",
        "pointsman.cost.source": "local",
        "pointsman.cost.nano_usd": 2_500_000_000,
        "pointsman.cost.price_id": "contract:test",
        "pointsman.placement": "cloud",
        "pointsman.target": "acme/small",
        "pointsman.workflow": "tickets",
        "pointsman.capability": "support",
        "pointsman.attempt.kind": "model",
        "pointsman.attempt.shadow": False,
    }


def test_what_is_unknown_is_not_told() -> None:
    told = of_attempt(an_entry(cost=None, usage=None, error="timeout_gap"), status="exhausted")
    assert told.error == told.attributes["error.type"] == "timeout_gap"
    assert not any(name.startswith(("pointsman.cost", "gen_ai.usage", "gen_ai.response")) for name in told.attributes)


def test_a_target_that_is_no_longer_there_is_told_by_name() -> None:
    told = of_attempt(an_entry(target="acme/gone"))
    assert (told.name, told.attributes["pointsman.target"], told.attributes["gen_ai.provider.name"]) == ("chat", "acme/gone", "unknown")


def test_what_the_vendor_says_it_cost_is_the_providers_word() -> None:
    assert of_attempt(an_entry(price_id="vendor-reported")).attributes["pointsman.cost.source"] == "provider"


def test_an_answer_that_was_not_good_enough_is_no_error() -> None:
    told = of_attempt(an_entry(error="not_json"))
    assert (told.error, told.attributes.get("error.type"), told.attributes["pointsman.grade"]) == (None, None, "not_json")


@pytest.mark.parametrize(
    ("place", "kind", "name", "span_kind"),
    [
        (Place.RULES, "rule", "rule acme/small", "internal"),
        (Place.CACHE, "cache", "cache acme/small", "internal"),
        (Place.EDGE, "model", "chat small", "internal"),
        (Place.PRIVATE, "model", "chat small", "client"),
        (Place.CLOUD, "embedding", "embeddings small", "client"),
        (Place.CLOUD, "judge", "chat small", "client"),
    ],
)
def test_only_what_leaves_the_process_is_a_client(place: Place, kind: str, name: str, span_kind: str) -> None:
    told = of_attempt(an_entry(place=place, kind=kind))
    assert (told.name, told.kind) == (name, span_kind)
    assert ("pointsman.cost.amount" in told.attributes) == (kind not in {"rule", "cache"})


def test_an_answer_from_the_cache_is_a_hit() -> None:
    told = spans(a_record(entries=(an_entry(place=Place.CACHE, kind="cache", cost=0),)))[1].attributes
    assert (told["pointsman.cache.outcome"], told["pointsman.placement"]) == ("hit", "cache")


@pytest.mark.parametrize(
    ("told", "parent"),
    [
        (CALLER, "b7ad6b7169203331"),
        (None, None),
        ("", None),
        ("nonsense", None),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", None),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01", None),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", None),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
    ],
)
def test_the_callers_span_is_the_parent_only_within_the_callers_trace(told: str | None, parent: str | None) -> None:
    server = spans(a_record(traceparent=told))[0]
    assert (server.parent, server.parent_is_remote) == (parent, parent is not None)


def test_the_attempts_span_is_the_one_that_was_told_to_the_place() -> None:
    record = a_record(entries=(an_entry(), an_entry(1)), traceparent=CALLER)
    for seq in (0, 1):
        span = spans(record)[2 + seq]
        assert traceparent(record.call_id, CALLER, seq=seq) == f"00-{span.trace}-{span.span}-01"


@settings(max_examples=30)
@given(count=st.integers(0, 12), number=st.integers(0, 2**74 - 1))
def test_spans_are_one_tree_whose_ids_differ(count: int, number: int) -> None:
    record = a_record(number, entries=tuple(an_entry(seq) for seq in range(count)))
    found = spans(record)
    assert len({span.span for span in found}) == len(found) == count + 2
    assert {span.trace for span in found} == {trace_id(record.call_id, None)}
    assert [span.parent for span in found] == [None, found[0].span, *[found[1].span] * count]
    assert found[0].span == span_id(record.call_id, -1)


def test_times_are_those_of_the_call() -> None:
    record = a_record(entries=(an_entry(begun_ms=30.5, latency_ms=60.25),))
    assert [(span.begun_ns - START_MS * 10**6, span.ended_ns - START_MS * 10**6) for span in spans(record)] == [
        (0, 120_000_000),
        (0, 120_000_000),
        (30_500_000, 90_750_000),
    ]


# ── what is sent ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "more",
    [
        {"traceparent": CALLER},
        {"status": "exhausted"},
        {"status": "over_budget"},
        {"mode": "explore"},
        {"entries": (an_entry(error="schema"), an_entry(1, target="acme/big"))},
    ],
)
def test_what_is_out_of_the_ordinary_is_always_sent(more: dict[str, Any]) -> None:
    assert is_sampled(a_record(**more), 0.0)


@pytest.mark.parametrize("told", [None, CALLER[:-2] + "00", CALLER[:-2] + "zz", "00"])
def test_what_is_ordinary_is_not_sent_without_a_share(told: str | None) -> None:
    assert not is_sampled(a_record(traceparent=told), 0.0)
    assert not is_sampled(a_record(traceparent=told, status="cancelled"), 0.0)
    assert is_sampled(a_record(7, traceparent=told), 1.0)


@settings(max_examples=20)
@given(share=st.floats(0, 1), seed=st.integers(0, 2**40))
def test_a_share_of_all_traces_is_sent(share: float, seed: int) -> None:
    records = [a_record((seed + number * 0x9E37_79B9_7F4A_7C15) & (2**62 - 1)) for number in range(400)]
    chosen = sum(is_chosen(record.call_id, None, share=share) for record in records)
    assert abs(chosen / 400 - share) < 0.12
