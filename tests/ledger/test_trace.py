import pytest
from msgspec.structs import replace
from tests.values import CALL_ID, Time, a_call, a_capability, a_key, a_principal, a_target

from pointsman.core.attempt import Attempt
from pointsman.core.call import Asked, Sampling
from pointsman.core.entry import CallRecord, Told
from pointsman.core.http import Deadlines
from pointsman.core.ids import traceparent
from pointsman.core.label import a_label
from pointsman.core.place import Place
from pointsman.core.reply import Finish, Usage
from pointsman.core.verdict import Verdict
from pointsman.ledger.rating import Rating
from pointsman.ledger.trace import OK, Trace

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
VERDICT = Verdict(label=a_label("confidential"), mask=0b111, snapshot="0123456789abcdef")


def an_attempt() -> Attempt:
    return Attempt(call=a_call(), principal=a_principal(), capability=a_capability(), target=a_target(), verdict=VERDICT, deadlines=Deadlines())


def a_rating(cost: int | None = 1_000) -> Rating:
    return Rating(usage=Usage(tokens_in=10, tokens_out=5), cost_nano_usd=cost, price_id="contract:test")


def a_trace(booked: list[CallRecord], time: Time, *, unit: str | None = "ticket-1") -> Trace:
    principal = a_principal(a_key(tenant="acme", team="care", application="desk"), user="ann")
    return Trace(a_call(), principal, capability=a_capability(), asked=Asked(unit=unit), clock=time.clock, book=booked.append)


def test_a_call_is_booked_once_with_everything_that_happened() -> None:
    booked: list[CallRecord] = []
    time = Time()
    trace = a_trace(booked, time)
    trace.snapshot = VERDICT.snapshot
    trace.under(VERDICT, {"email": 2})
    started = time.monotonic_s
    time.advance(0.5)
    trace.book(an_attempt(), a_rating(), started=started, error="overloaded")
    time.advance(0.25)
    assert (trace.call_id, trace.elapsed_s) == (CALL_ID, 0.75)
    trace.book(an_attempt(), a_rating(2_000), started=started + 0.5, first_byte_at=started + 0.6)
    trace.answered_by(an_attempt(), "fallback")
    trace.close(OK)
    trace.close("cancelled")
    [record] = booked
    assert (record.call_id, record.unit, record.tenant, record.team, record.application, record.user) == (CALL_ID, "ticket-1", "acme", "care", "desk", "ann")
    assert (record.status, record.reason, record.data_class, record.latency_ms) == ("ok", "fallback", "confidential", 750.0)
    assert [(entry.seq, entry.error, entry.latency_ms, entry.cost_nano_usd) for entry in record.entries] == [
        (0, "overloaded", 500.0, 1_000),
        (1, None, 250.0, 2_000),
    ]
    assert record.entries[1].first_byte_ms == pytest.approx(100.0)


def test_a_call_without_a_unit_is_its_own() -> None:
    booked: list[CallRecord] = []
    a_trace(booked, Time(), unit=None).close(OK)
    assert booked[0].unit == CALL_ID


def test_what_was_reserved_is_settled_by_all_attempts_together() -> None:
    settled: list[tuple[int | None, int | None]] = []
    time = Time()
    trace = a_trace([], time)
    trace.settle = lambda tokens, cost: settled.append((tokens, cost))
    trace.book(an_attempt(), a_rating(), started=time.monotonic_s)
    trace.book(an_attempt(), a_rating(2_000), started=time.monotonic_s)
    trace.close(OK)
    trace.close(OK)
    assert settled == [(30, 3_000)]


def test_one_unknown_cost_makes_the_whole_unknown() -> None:
    time = Time()
    trace = a_trace([], time)
    assert trace.cost_nano_usd == 0
    trace.book(an_attempt(), a_rating(), started=time.monotonic_s)
    assert trace.cost_nano_usd == 1_000
    trace.book(an_attempt(), a_rating(None), started=time.monotonic_s)
    assert trace.cost_nano_usd is None


def test_tokens_that_no_vendor_counted_are_settled_as_unknown() -> None:
    settled: list[tuple[int | None, int | None]] = []
    time = Time()
    trace = a_trace([], time)
    trace.settle = lambda tokens, cost: settled.append((tokens, cost))
    trace.book(an_attempt(), Rating(usage=None, cost_nano_usd=None, price_id=None), started=time.monotonic_s)
    trace.close(OK)
    assert settled == [(None, None)]


def test_a_call_is_on_record_even_if_settling_fails() -> None:
    booked: list[CallRecord] = []

    def broken(tokens: int | None, cost: int | None) -> None:
        raise RuntimeError(f"{tokens} {cost}")

    trace = a_trace(booked, Time())
    trace.settle = broken
    with pytest.raises(RuntimeError):
        trace.close(OK)
    assert len(booked) == 1


def test_a_first_byte_is_never_noted_before_its_question() -> None:
    booked: list[CallRecord] = []
    time = Time()
    trace = a_trace(booked, time)
    trace.book(an_attempt(), a_rating(), started=time.monotonic_s, first_byte_at=time.monotonic_s - 0.0009)
    trace.close(OK)
    assert booked[0].entries[0].first_byte_ms == 0


def test_a_record_tells_what_the_vendor_said_and_when_each_attempt_began() -> None:
    booked: list[CallRecord] = []
    time = Time()
    trace = a_trace(booked, time)
    told = Told(reply_id="r-1", model="small-2026", finish=Finish.LENGTH)
    time.advance(0.25)
    trace.book(an_attempt(), a_rating(), started=time.monotonic_s)
    trace.book(an_attempt(), replace(a_rating(), told=told), started=time.monotonic_s + 0.5)
    trace.book(an_attempt(), a_rating(), started=time.monotonic_s - 5)
    trace.close(OK)
    assert [entry.told for entry in booked[0].entries] == [None, told, None]
    assert [entry.begun_ms for entry in booked[0].entries] == [250.0, 750.0, 0.0]


@pytest.mark.parametrize(
    ("place", "kind"), [(Place.RULES, "rule"), (Place.CACHE, "cache"), (Place.PEOPLE, "person"), (Place.PRIVATE, "model"), (Place.CLOUD, "model")]
)
def test_an_attempt_is_of_the_kind_of_its_place(place: Place, kind: str) -> None:
    booked: list[CallRecord] = []
    time = Time()
    trace = a_trace(booked, time)
    trace.book(replace(an_attempt(), target=a_target(place=place)), a_rating(), started=time.monotonic_s)
    trace.close(OK)
    assert booked[0].entries[0].kind == kind


def test_a_record_tells_what_the_caller_said_beside_the_call() -> None:
    booked: list[CallRecord] = []
    sampling = Sampling(max_tokens=5)
    asked = Asked(session="s-1", tags={"project": "p"}, traceparent=CALLER, criteria={"risk": 4.0})
    call = a_call(sampling=sampling, stream=True)
    Trace(call, a_principal(), capability=a_capability(workflow="tickets"), asked=asked, clock=Time().clock, book=booked.append).close(OK)
    [record] = booked
    assert (record.workflow, record.session, record.tags, record.traceparent) == ("tickets", "s-1", {"project": "p"}, CALLER)
    assert (record.dialect, record.stream, record.sampling) == (call.dialect, True, sampling)
    assert record.criteria == {"risk": 4.0}


def test_a_capability_without_a_workflow_is_its_own() -> None:
    booked: list[CallRecord] = []
    a_trace(booked, Time()).close(OK)
    assert booked[0].workflow == "support"


def test_each_attempt_tells_its_place_a_span_of_its_own_in_the_callers_trace() -> None:
    time = Time()
    trace = Trace(a_call(), a_principal(), capability=a_capability(), asked=Asked(traceparent=CALLER), clock=time.clock, book=lambda _: None)
    first = trace.traceparent
    trace.book(an_attempt(), a_rating(), started=time.monotonic_s)
    second = trace.traceparent
    assert first == traceparent(CALL_ID, CALLER, seq=0)
    assert second == traceparent(CALL_ID, CALLER, seq=1)
    assert first.startswith(CALLER[:36])
