"""
What a real ledger tells of answers: which judgement counts, how much, and what is never learned from.
"""

from base64 import b64encode
from typing import Any

import pytest
from tests.ledger.entries import HOUR_MS, START_MS, a_record, a_review, a_score, an_entry, an_outcome
from tests.storage.databases import each_database, each_place

from pointsman.control.learning.evidence import MOST, WEIGHTS, Evidence, Scope, features_of, gather
from pointsman.control.learning.version import Seen
from pointsman.core.entry import CallRecord
from pointsman.core.place import Place
from pointsman.decision.guarantee.split import is_kept_apart
from pointsman.storage.batch import Batch
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
LATER_MS = START_MS + 2 * WEEK_MS
SCOPE = Scope(workflow="support", window_ms=WEEK_MS, tasks={"triage": "classify"})


def write(db: Database, *records: Any, **more: Any) -> None:
    write_batch(db, Batch(records=records, **more))


def a_call(number: int = 0, *, target: str = "small", **more: Any) -> CallRecord:
    entries = more.pop("entries", None) or (an_entry(target=target),)
    return a_record(number, **{"capability": "triage", "workflow": "support", "unit": f"t{number}", "entries": entries, **more})


def told(number: int, *, success: bool = True, **more: Any) -> Any:
    return an_outcome(f"t{number}", f"o{number}", **{"success": success, "at_ms": START_MS + HOUR_MS, **more})


def gathered(db: Database, *, until_ms: int = LATER_MS, seen: Seen | None = None, scope: Scope = SCOPE, most: int = MOST) -> Evidence:
    return gather(db, [scope], seen=seen or Seen(), until_ms=until_ms, most=most)


def judged(found: Evidence) -> list[tuple[str, float | None, float]]:
    return sorted((label.target, label.score, round(label.weight, 3)) for label in found.judged)


def test_outcomes_judge_who_answered_and_attempts_tell_what_it_took(each_database: Database) -> None:
    write(
        each_database,
        a_call(1, features=b64encode(b"seen").decode()),
        a_call(2, target="large"),
        outcomes=[told(1), told(2, success=False)],
    )
    found = gathered(each_database)
    assert judged(found) == [("large", 0.0, 0.8), ("small", 1.0, 0.8)]
    assert dict(found.kinds) == {"outcome": 2}
    (one,) = [label for label in found.measured if label.target == "small"]
    assert (one.score, one.cost_nano_usd, one.tokens_out, one.latency_s) == (None, 1_000, 5, 0.12)
    assert (one.prompt.text, one.prompt.capability, one.prompt.task) == (b"seen", "triage", "classify")


def test_what_a_call_took_is_learned_also_where_its_unit_goes_on_while_it_is_looked(each_database: Database) -> None:
    """A long talk is never at rest: none of its calls may be passed over for that."""
    at_ms = (START_MS, START_MS + 10_000, START_MS + 20_000)
    write(each_database, *[a_call(number, unit="talk", at_ms=when) for number, when in enumerate(at_ms)])
    first = gathered(each_database, until_ms=START_MS + 15_000)
    second = gathered(each_database, until_ms=START_MS + 30_000, seen=first.seen)
    assert [sorted(label.at_ms for label in found.measured) for found in (first, second)] == [[*at_ms[:2]], [at_ms[2]]]


def test_a_unit_counts_once_its_time_is_over(each_database: Database) -> None:
    write(each_database, a_call(1), outcomes=[told(1)])
    early = gathered(each_database, until_ms=START_MS + WEEK_MS - 1)
    assert early.judged == ()
    late = gathered(each_database, until_ms=START_MS + WEEK_MS, seen=early.seen)
    assert judged(late) == [("small", 1.0, 0.8)]
    assert gathered(each_database, seen=late.seen).judged == ()


def test_where_outcomes_come_soon_nobody_waits_for_the_whole_window(each_database: Database) -> None:
    old = range(100)
    write(each_database, *(a_call(number) for number in old), outcomes=[told(number) for number in old])
    seen = gathered(each_database, until_ms=START_MS + WEEK_MS).seen
    at_ms = START_MS + WEEK_MS + DAY_MS
    write(each_database, a_call(200, at_ms=at_ms), outcomes=[told(200, at_ms=at_ms + 60_000)])
    assert len(gathered(each_database, until_ms=at_ms + HOUR_MS // 2, seen=seen).judged) == 0
    assert len(gathered(each_database, until_ms=at_ms + HOUR_MS, seen=seen).judged) == 1


def test_what_is_told_after_its_time_is_learned_when_it_is_told(each_database: Database) -> None:
    write(each_database, a_call(1), a_call(2), outcomes=[told(2)])
    seen = gathered(each_database).seen
    write(each_database, outcomes=[told(1, success=False, at_ms=START_MS + 6 * DAY_MS)])
    assert judged(gathered(each_database, until_ms=LATER_MS + 1, seen=seen)) == [("small", 0.0, 0.8)]


def test_calls_of_one_unit_share_its_outcome(each_database: Database) -> None:
    write(each_database, a_call(1, unit="t9"), a_call(2, unit="t9", target="large"), outcomes=[told(9)])
    assert judged(gathered(each_database)) == [("large", 1.0, 0.4), ("small", 1.0, 0.4)]


@pytest.mark.parametrize(("verdict", "distance", "score"), [("accepted", None, 1.0), ("edited", None, 0.5), ("edited", 0.2, 0.8), ("rejected", None, 0.0)])
def test_a_person_goes_before_an_outcome(each_database: Database, verdict: str, distance: float | None, score: float) -> None:
    call = a_call(1)
    review = a_review(call_id=call.call_id, verdict=verdict, edit_distance=distance, done_ms=START_MS + 1)
    write(each_database, call, outcomes=[told(1)], reviews=[review], scores=[a_score(call_id=call.call_id, value=0.3)])
    assert judged(gathered(each_database)) == [("small", score, 1.0)]


def test_a_verdict_that_judges_nothing_is_none(each_database: Database) -> None:
    call = a_call(1)
    write(each_database, call, reviews=[a_review(call_id=call.call_id, verdict="escalated", done_ms=START_MS + 1)])
    assert gathered(each_database).judged == ()


def test_scores_count_less_than_people_and_also_judge_who_was_asked_too(each_database: Database) -> None:
    call = a_call(1)
    scores = [a_score("s-1", call.call_id, value=0.9), a_score("s-2", call.call_id, value=0.4, target="large"), a_score("s-3", "nobody", value=0.1)]
    write(each_database, call, scores=scores)
    assert judged(gathered(each_database)) == [("large", 0.4, 0.4), ("small", 0.9, 0.4)]


def test_a_failed_check_is_a_bad_answer_and_a_failed_vendor_is_none(each_database: Database) -> None:
    entries = (
        an_entry(0, target="small", error="schema"),
        an_entry(1, target="down", error="overloaded", cost=None),
        an_entry(2, target="large"),
    )
    write(each_database, a_call(1, entries=entries))
    found = gathered(each_database)
    assert judged(found) == [("small", 0.0, WEIGHTS["check"])]
    assert [label.target for label in found.measured] == ["large"]


def test_what_was_seldom_picked_counts_more_and_all_together_as_many_as_they_are(each_database: Database) -> None:
    calls = [a_call(number) for number in range(4)]
    reviews = [
        a_review(
            f"r-{number}", call.call_id, done_ms=START_MS + 1, verdict="rejected" if number else "accepted", selection_propensity=0.25 if number == 0 else 1.0
        )
        for number, call in enumerate(calls)
    ]
    write(each_database, *calls, reviews=reviews)
    labels = gathered(each_database).judged
    assert sum(label.weight for label in labels) == pytest.approx(4)
    assert [label.weight for label in labels if label.score == 1] == [pytest.approx(4 / 1.75)]


def test_other_capabilities_failed_calls_and_rules_are_left_out(each_database: Database) -> None:
    write(
        each_database,
        a_call(1, capability="other"),
        a_call(2, status="exhausted"),
        a_call(3, entries=(an_entry(target="rules", place=Place.RULES, kind="rule"),)),
        a_call(4, workflow="elsewhere"),
        outcomes=[told(1), told(2), told(3), told(4)],
    )
    assert gathered(each_database).judged == ()


def test_of_much_the_newest_is_learned(each_database: Database) -> None:
    write(each_database, *(a_call(number, at_ms=START_MS + number) for number in range(6)), outcomes=[told(number, success=number > 2) for number in range(6)])
    assert [label.score for label in gathered(each_database, most=3).judged] == [1.0, 1.0, 1.0]


def agreeing(call: CallRecord, value: float, *, other: str = "large") -> list[Any]:
    told = {"metric": "agreement", "judge": "pointsman/agreement@1"}
    return [
        a_score(f"g-{call.call_id}", call.call_id, value=1.0, **told),
        a_score(f"o-{call.call_id}", call.call_id, value=value, target=other, **told),
    ]


def test_agreeing_with_a_good_answer_is_good_and_with_a_bad_one_bad(each_database: Database) -> None:
    good, bad, differs = a_call(1), a_call(2), a_call(3)
    scores = [*agreeing(good, 0.75), *agreeing(bad, 1.0), *agreeing(differs, 0.0)]
    write(each_database, good, bad, differs, outcomes=[told(1), told(2, success=False), told(3, success=False)], scores=scores)
    found = [one for one in judged(gathered(each_database)) if one[0] == "large"]
    assert found == [("large", 0.0, 0.4), ("large", 0.75, 0.4)]


def test_where_nothing_is_ever_told_the_incumbents_answer_is_the_measure(each_database: Database) -> None:
    call = a_call(1)
    write(each_database, call, scores=agreeing(call, 0.5))
    assert judged(gathered(each_database)) == [("large", 0.5, 0.4), ("small", 1.0, 0.4)]


def test_pairs_that_prove_a_promise_do_not_teach(each_database: Database) -> None:
    calls = [a_call(number) for number in range(40)]
    scores = [a_score(f"s-{number}", call.call_id, value=0.5, target="large") for number, call in enumerate(calls)]
    write(each_database, *calls, outcomes=[told(number) for number in range(40)], scores=scores)
    promised = Scope(workflow="support", window_ms=WEEK_MS, tasks={"triage": ""}, promised=frozenset({"triage"}))
    teaching = sum(not is_kept_apart(call.call_id) for call in calls)
    found = gathered(each_database, scope=promised)
    assert len(gathered(each_database).judged) == 80
    assert 0 < teaching < 40
    assert len(found.judged) == 2 * teaching
    assert beside(found) == [("small", {"large": 0.5})] * teaching


def beside(found: Evidence) -> list[tuple[str, dict[str, float]]]:
    return sorted((one.label.target, dict(one.others)) for one in found.given)


def test_what_another_reached_on_the_same_prompt_stands_beside_the_answer_that_was_given(each_database: Database) -> None:
    call, alone = a_call(1), a_call(2, target="medium")
    scores = [a_score("s-1", call.call_id, value=0.9), a_score("s-2", call.call_id, value=0.4, target="large")]
    write(each_database, call, alone, outcomes=[told(1, success=False), told(2)], scores=scores)
    assert beside(gathered(each_database)) == [("medium", {}), ("small", {"large": 0.4})]


def test_agreement_says_nothing_of_what_another_is_worth_where_an_answer_is_bad(each_database: Database) -> None:
    """Of those that differ from a bad answer nothing is known: only those as bad as it would be seen, and nobody would seem worth asking."""
    good, bad = a_call(1), a_call(2)
    failed = a_call(4, entries=(an_entry(0, target="large", error="schema"), an_entry(1, target="small")))
    write(each_database, good, bad, failed, outcomes=[told(1), told(2, success=False), told(4)], scores=[*agreeing(good, 1.0), *agreeing(bad, 1.0)])
    assert [label.target for label in gathered(each_database).judged].count("large") == 3
    assert beside(gathered(each_database)) == [("small", {})] * 3


def test_shadow_calls_that_failed_their_contract_teach_by_what_they_were_compared_with(each_database: Database) -> None:
    """Else of a promised capability all of what others did badly would teach, and half of what they did well: they would look worse than they are."""
    shadow = a_call(2, unit="t1", entries=(an_entry(target="large", error="schema", shadow=True),), mode="shadow", status="not_good_enough")
    given = a_call(1)
    write(each_database, given, shadow, outcomes=[told(1)], scores=agreeing(given, 0.0))
    assert judged(gathered(each_database)) == [("large", 0.0, 0.4), ("small", 1.0, 0.8)]


@pytest.mark.parametrize("place", [Place.RULES, Place.CACHE])
def test_nothing_is_learned_of_answers_that_no_model_and_no_person_gave(each_database: Database, place: Place) -> None:
    call = a_call(1, entries=(an_entry(target=place.value, place=place),))
    review = a_review(call_id=call.call_id, done_ms=START_MS + 1)
    write(each_database, call, scores=[a_score(call_id=call.call_id)], reviews=[review])
    assert gathered(each_database).judged == ()


def test_what_is_kept_of_a_prompt_is_read_or_nothing_is() -> None:
    assert features_of(b64encode(b"numbers").decode()) == b"numbers"
    assert features_of(None) == b""
    assert features_of("not base64!") == b""
