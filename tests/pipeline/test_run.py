"""One call through every stage: who is asked, what is booked, what the caller is told."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.pipeline.seam import House, Says, Streams, openai_stream
from tests.values import a_call, a_capability, a_key, a_target, openai_answer

from pointsman.core.call import Asked, OutputSchema
from pointsman.core.capability import CachePolicy, RuleTable
from pointsman.core.errors import BadRequest, NoPlaceAllowed, NotAuthenticated, PlaceFailed, UnknownCapability
from pointsman.core.http import Deadlines
from pointsman.core.label import Level, a_label
from pointsman.core.place import Dialect, Place
from pointsman.core.principal import Limit, LimitBy
from pointsman.core.snapshot import FIRST_TARGET_BIT
from pointsman.core.target import Hardware
from pointsman.intake.errors import OverLimit
from pointsman.places.rules.veto import Vetoed

STREAM_WIRE = {"model": "support", "messages": [{"role": "user", "content": "Where is my parcel?"}], "stream": True}


def a_table(*rows: dict[str, str]) -> dict[str, RuleTable]:
    return {"rules.csv": RuleTable(name="rules.csv", rows=rows, digest="d")}


def text_of(body: bytes) -> str:
    return msgspec.json.decode(body)["choices"][0]["message"]["content"]


def test_a_call_is_answered_by_the_first_target_and_booked_with_its_cost() -> None:
    house = House(a_capability())
    assert house.ask(a_call()) == openai_answer()
    record = house.record
    assert (record.status, record.reason, record.data_class, record.snapshot) == ("ok", "first_choice", "internal", "0123456789abcdef")
    (entry,) = record.entries
    # 10 tokens in at 1,000 nano-dollars and 5 out at 2,000.
    assert (entry.target, entry.error, entry.cost_nano_usd, entry.latency_ms) == ("acme/small", None, 20_000, pytest.approx(100))


def test_an_answer_in_another_dialect_is_translated() -> None:
    house = House(a_capability())
    answer = msgspec.json.decode(house.ask(a_call(dialect=Dialect.ANTHROPIC_MESSAGES)))
    assert (answer["type"], answer["content"][0]["text"]) == ("message", "On its way.")


def test_a_caller_who_is_not_known_is_refused_before_anything_is_booked() -> None:
    house = House(a_capability(), keys=[a_key()])
    with pytest.raises(NotAuthenticated):
        house.ask(a_call())
    with pytest.raises(UnknownCapability):
        House(a_capability()).ask(a_call(capability="nothing"))
    assert (house.booked, house.asked) == ([], {})


def test_a_refusal_is_booked_with_what_is_known_by_then() -> None:
    house = House(a_capability(), limits=[Limit(name="slow", by=LimitBy.KEY, requests_per_minute=0)])
    with pytest.raises(OverLimit):
        house.ask(a_call(), Asked(unit="ticket-1", user="ann"))
    assert (house.record.status, house.record.unit, house.record.user, house.record.entries) == ("over_limit", "ticket-1", "ann", ())


def test_data_above_the_ceiling_goes_nowhere_and_the_record_says_of_which_class_it_was() -> None:
    house = House(a_capability(rules="rules.csv", ceiling=Level.INTERNAL), rules=a_table({"then": "answer", "answer": "hello"}))
    with pytest.raises(NoPlaceAllowed):
        house.ask(a_call(), Asked(declared=a_label("restricted")))
    assert (house.record.status, house.record.data_class, house.record.snapshot, house.asked) == ("no_place_allowed", "restricted", "0123456789abcdef", {})


def test_a_fault_of_our_own_is_booked_as_one_and_gives_the_reservation_back() -> None:
    limit = Limit(name="tight", by=LimitBy.KEY, tokens_per_minute=2000)
    house = House(a_capability(rules="missing"), limits=[limit])
    with pytest.raises(KeyError):
        house.ask(a_call())
    with pytest.raises(KeyError):
        house.ask(a_call())
    assert [record.status for record in house.booked] == ["internal", "internal"]


# ── rules ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_rule_answers_without_a_model_and_for_nothing() -> None:
    house = House(a_capability(rules="rules.csv"), rules=a_table({"then": "answer", "answer": "Look outside.", "when": 'text.contains("parcel")'}))
    assert text_of(house.ask(a_call())) == "Look outside."
    assert (house.record.reason, house.record.entries[0].place, house.record.entries[0].cost_nano_usd) == ("rule", Place.RULES, 0)
    assert house.asked == {}


def test_a_rule_answers_a_stream_as_one() -> None:
    house = House(a_capability(rules="rules.csv"), rules=a_table({"then": "answer", "answer": "Look outside."}))
    sent = house.ask(a_call(stream=True, wire=STREAM_WIRE))
    assert b"Look outside." in sent
    assert sent.endswith(b"data: [DONE]\n\n")


def test_where_no_rule_fits_a_model_decides() -> None:
    house = House(a_capability(rules="rules.csv"), rules=a_table({"then": "answer", "answer": "x", "when": 'text == "nothing"'}))
    assert text_of(house.ask(a_call())) == "On its way."


def test_a_veto_before_a_model_costs_nothing() -> None:
    house = House(a_capability(rules="rules.csv"), rules=a_table({"then": "veto", "message": "Not this."}))
    with pytest.raises(Vetoed, match=r"Not this\."):
        house.ask(a_call())
    assert (house.record.status, house.record.entries, house.asked) == ("vetoed", (), {})


def test_a_veto_after_a_model_leaves_the_model_s_cost_on_record() -> None:
    house = House(a_capability(rules="rules.csv"), rules=a_table({"phase": "after", "then": "veto", "when": 'answer.contains("way")', "message": "No."}))
    with pytest.raises(Vetoed):
        house.ask(a_call())
    assert (house.record.status, [(entry.error, entry.cost_nano_usd) for entry in house.record.entries]) == ("vetoed", [(None, 20_000)])


def test_a_rule_corrects_a_model_even_where_a_stream_was_asked_for() -> None:
    house = House(a_capability(rules="rules.csv"), rules=a_table({"phase": "after", "then": "correct", "answer": "=answer + ' Promise.'"}))
    sent = house.ask(a_call(stream=True, wire=STREAM_WIRE))
    assert b"On its way. Promise." in sent
    (asked, _), *_ = house.vendors["acme/small"].asked
    assert b"stream" not in asked.body


@pytest.mark.parametrize("judged", ["by a rule", "by a schema"])
def test_where_answers_are_judged_one_is_asked_for_and_none_slips_past(judged: str) -> None:
    rules = a_table({"phase": "after", "then": "veto", "when": 'answer.contains("way")', "message": "No."})
    told: dict[str, Any] = {"rules": "rules.csv"} if judged == "by a rule" else {"output": OutputSchema(name="a", schema={"type": "object"})}
    house = House(a_capability(**told), rules=rules)
    call = a_call(answers=2, extras={"n": 2}, wire={**a_call().wire, "n": 2})
    with pytest.raises(BadRequest, match="one at a time"):
        house.ask(call)
    assert (house.asked, house.record.status) == ({}, "bad_request")
    assert House(a_capability()).ask(call)


def test_an_answer_that_a_rule_judged_for_one_caller_is_not_kept_for_the_next() -> None:
    rules = a_table({"phase": "after", "then": "veto", "when": 'user == "eve"', "message": "Not you."})
    house = House(a_capability(rules="rules.csv", cache=CachePolicy()), rules=rules)
    house.ask(a_call(), Asked(user="ann"))
    with pytest.raises(Vetoed):
        house.ask(a_call(), Asked(user="eve"))


# ── the cache ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_question_is_answered_from_the_cache() -> None:
    house = House(a_capability(cache=CachePolicy()))
    assert house.ask(a_call()) == house.ask(a_call())
    assert [(record.reason, record.entries[0].cost_nano_usd) for record in house.booked] == [("first_choice", 20_000), ("cache_hit", 0)]
    assert [record.entries[0].seq for record in house.booked] == [0, 0]  # looking where nothing was is no try


def test_a_streamed_answer_is_found_again_by_a_caller_who_wants_it_whole_and_the_other_way_round() -> None:
    house = House(a_capability(cache=CachePolicy()), scripts={"acme/small": [Streams(openai_stream("On ", "its way."))]})
    house.ask(a_call(stream=True, wire=STREAM_WIRE))
    assert text_of(house.ask(a_call())) == "On its way."
    assert b"On its way." in house.ask(a_call(stream=True, wire=STREAM_WIRE))
    assert house.asked == {"acme/small": 1}


def test_a_stream_that_asks_for_more_than_parts_is_neither_kept_nor_answered_from_what_was_kept() -> None:
    house = House(a_capability(cache=CachePolicy()), scripts={"acme/small": [Says(), *[Streams(openai_stream("On its way."))] * 2]})
    extras = {"logprobs": True}
    wire = {**STREAM_WIRE, "logprobs": True}
    house.ask(a_call(extras=extras, wire={name: value for name, value in wire.items() if name != "stream"}))
    for _ in range(2):
        house.ask(a_call(stream=True, extras=extras, wire=wire))
    assert house.asked == {"acme/small": 3}


def test_a_stream_without_the_word_why_it_stopped_is_not_kept() -> None:
    pieces = [piece for piece in openai_stream("On its way.") if b'"stop"' not in piece]
    house = House(a_capability(cache=CachePolicy()), scripts={"acme/small": [Streams(tuple(pieces))]})
    house.ask(a_call(stream=True, wire=STREAM_WIRE))
    house.ask(a_call())
    assert house.asked == {"acme/small": 2}


def test_a_caller_of_another_dialect_is_not_given_the_first_one_s_words() -> None:
    house = House(a_capability(cache=CachePolicy()))
    house.ask(a_call())
    house.ask(a_call(dialect=Dialect.ANTHROPIC_MESSAGES))
    assert house.asked == {"acme/small": 2}


def test_an_answer_that_cannot_be_told_in_the_caller_s_dialect_is_not_kept_to_fail_again() -> None:
    strange = msgspec.json.decode(openai_answer())
    strange["choices"][0]["message"]["annotations"] = [{"type": "url_citation"}]
    house = House(a_capability(cache=CachePolicy()), scripts={"acme/small": [Says(msgspec.json.encode(strange)), Says()]})
    call = a_call(dialect=Dialect.ANTHROPIC_MESSAGES)
    with pytest.raises(PlaceFailed, match="annotations"):
        house.ask(call)
    house.ask(call)
    assert house.asked == {"acme/small": 2}


def test_restricted_data_is_neither_kept_nor_found() -> None:
    target = a_target(accepts=Level.RESTRICTED)
    house = House(a_capability(ladder=[target], cache=CachePolicy(), ceiling=Level.RESTRICTED))
    for _ in range(2):
        house.ask(a_call(), Asked(declared=a_label("restricted")))
    assert house.asked == {"acme/small": 2}


# ── what a call takes with it ───────────────────────────────────────────────────────────────────────────────────────


def test_the_user_of_the_request_is_known_by_the_header_or_else_the_body() -> None:
    house = House(a_capability())
    house.ask(a_call(user="body"), Asked(user="header"))
    house.ask(a_call(user="body"))
    assert [record.user for record in house.booked] == ["header", "body"]


def test_what_is_reserved_is_replaced_by_what_was_used() -> None:
    limit = Limit(name="team", by=LimitBy.KEY, tokens_per_minute=1100)
    house = House(a_capability(), limits=[limit])
    for _ in range(5):  # 1,029 are reserved for each, 15 are used
        house.ask(a_call())
    assert [record.status for record in house.booked] == ["ok"] * 5


def test_a_vendor_that_counts_nothing_does_not_empty_a_limit() -> None:
    uncounted = msgspec.json.encode({key: value for key, value in msgspec.json.decode(openai_answer()).items() if key != "usage"})
    house = House(a_capability(), limits=[Limit(name="team", by=LimitBy.KEY, tokens_per_minute=1100)], scripts={"acme/small": [Says(uncounted)]})
    house.ask(a_call())
    assert house.record.entries[0].cost_nano_usd is None
    with pytest.raises(OverLimit):
        house.ask(a_call())


def test_hardware_is_charged_for_the_time_a_call_kept_it_busy() -> None:
    owned = a_target("own/model", place=Place.PRIVATE, price=None, hardware=Hardware(hourly_nano_usd=3_600_000_000))
    house = House(a_capability(ladder=[owned]), scripts={"own/model": [Says(after_s=2.0)]})
    house.ask(a_call())
    assert (house.record.entries[0].cost_nano_usd, house.record.entries[0].price_id) == (2_000_000, "hardware")


def test_a_target_may_have_dead_lines_of_its_own_but_not_more_time_than_the_call() -> None:
    quick = a_target("a/quick", deadlines=Deadlines(first_byte_s=1.0, total_s=5.0))
    patient = a_target("b/patient", bit=FIRST_TARGET_BIT + 1, deadlines=Deadlines(first_byte_s=90.0, total_s=900.0))
    schema = OutputSchema(name="o", schema={"type": "object"})
    house = House(a_capability(ladder=[quick, patient], output=schema, deadlines=Deadlines(total_s=60.0)), scripts={"b/patient": [Says(openai_answer("{}"))]})
    house.ask(a_call())
    (_, first), (_, second) = house.vendors["a/quick"].asked[0], house.vendors["b/patient"].asked[0]
    assert (first.first_byte_s, first.total_s) == (1.0, 5.0)
    assert (second.first_byte_s, second.total_s) == (90.0, pytest.approx(59.9))


def test_runs_do_not_disturb_each_other() -> None:
    house = House(a_capability())

    async def both() -> None:
        await asyncio.gather(*(house.run(a_call(f"question {number}")) for number in range(20)))

    asyncio.run(both())
    assert [record.status for record in house.booked] == ["ok"] * 20
