"""Calls as they were recorded, read back from either database."""

from tests.ledger.entries import START_MS, a_record, a_score, an_entry, an_outcome, write

from pointsman.control.policies.recorded import Recorded, recorded
from pointsman.core.routing import Weighed
from pointsman.storage.batch import Batch
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

DAY_MS = 86_400_000


def read(db: Database, *, until_ms: int = START_MS + 30 * DAY_MS, **more: int) -> tuple[Recorded, ...]:
    return recorded(db, since_ms=START_MS, until_ms=until_ms, windows={"support": 7 * DAY_MS}, **more).calls


def a_candidate(target: str, probability: float) -> Weighed:
    return Weighed(target=target, quality=0.8, low=0.7, high=0.9, cost_nano_usd=5, latency_ms=1.0, value_nano_usd=0, probability=probability)


def test_a_call_is_read_with_its_attempts_its_facts_and_what_was_weighed(each_database: Database) -> None:
    weighed = (a_candidate("acme/small", 0.9), a_candidate("acme/large", 0.1))
    steps = (an_entry(error="server_error"), an_entry(1, target="acme/large"), an_entry(2, target="judge", kind="judge"), an_entry(3, shadow=True))
    record = a_record(
        1,
        entries=steps,
        weighed=weighed,
        criteria={"within_s": 2.5},
        mode="explore",
        propensity=0.9,
        features="AAEC",
        considered=(("a", "breaker:timeout"), ("b", "lacks:tools")),
        user="ann",
    )
    write(each_database, [record])
    [call] = read(each_database)
    assert (call.call_id, call.user, call.mode, call.features, call.vetoes) == (
        record.call_id,
        "ann",
        "explore",
        "AAEC",
        {"a": "breaker:timeout", "b": "lacks:tools"},
    )
    assert call.criteria == {"within_s": 2.5}
    assert [one.target for one in call.tried] == ["acme/small", "acme/large"]
    assert call.usage is not None
    assert (call.usage.tokens_in, call.usage.tokens_out) == (10, 5)
    assert call.behaviour == {"acme/small": 0.9, "acme/large": 0.1}


def test_without_anything_weighed_the_first_target_was_certain_and_an_answer_of_a_rule_went_nowhere(each_database: Database) -> None:
    rule = an_entry(target="rules", kind="rule", usage=None, cost=0)
    write(each_database, [a_record(1), a_record(2, entries=(rule,)), a_record(3, entries=(), considered=(("acme/small", "policy:health"),))])
    calls = read(each_database)
    assert [call.behaviour for call in calls] == [{"acme/small": 1.0}, {}, {}]
    assert calls[2].vetoes == {"acme/small": "policy:health"}


def test_an_outcome_counts_once_its_window_is_over_and_before_a_score(each_database: Database) -> None:
    records = [a_record(number, unit=f"u-{number}", workflow="support") for number in range(5)]
    told = [an_outcome(f"u-{number}", f"o-{number}", workflow="support", success=number == 0, at_ms=START_MS + DAY_MS) for number in range(2)]
    write(each_database, records, outcomes=told)
    scores = [a_score("s-1", records[0].call_id, value=0.1), a_score("s-2", records[2].call_id, value=0.5), a_score("s-3", records[2].call_id, value=0.7)]
    other = a_score("s-4", records[3].call_id, value=0.9, target="acme/large")
    write_batch(each_database, Batch(scores=[*scores, other]))
    assert [call.reward for call in read(each_database)] == [1.0, 0.0, 0.6, None, None]
    assert [call.reward for call in read(each_database, until_ms=START_MS + 2 * DAY_MS)] == [0.1, None, 0.6, None, None]


def test_of_many_calls_each_part_of_the_span_gives_its_share(each_database: Database) -> None:
    write(each_database, [a_record(number, at_ms=START_MS + number * DAY_MS // 40) for number in range(1000)])
    found = recorded(each_database, since_ms=START_MS, until_ms=START_MS + 30 * DAY_MS, windows={}, most=100)
    assert found.out_of == 1000
    assert 100 <= len(found.calls) <= 132
    days = [(call.started_ms - START_MS) // DAY_MS for call in found.calls]
    assert days == sorted(days)
    assert {day // 5 for day in days} == {0, 1, 2, 3, 4}
