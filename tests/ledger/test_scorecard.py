"""Scorecards against figures computed by hand, on both databases."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.entries import HOUR_MS, START_MS, a_charge, a_record, a_review, a_score, an_entry, an_outcome
from tests.storage.databases import each_database, each_place

from pointsman.core.entry import CallRecord
from pointsman.core.place import Place
from pointsman.ledger.scorecard import hardware, rectified, scorecards, stride_ms
from pointsman.ledger.scorecard_values import Coverage, Money, Scorecard, Tokens
from pointsman.ledger.slices import DAY_MS, Slice
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import Batch
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

USD = 10**9
# Items of support have a week to come to something; an hour of people's work costs $36, a second $0.01.
WORKFLOWS = {
    "support": Workflow(name="support", capabilities=("support",), unit="ticket", owner="ann", human_hourly_nano_usd=36 * USD, value_nano_usd=5 * USD),
    "leads": Workflow(name="leads", capabilities=("leads",), unit="lead", window_ms=DAY_MS, complete_ms=HOUR_MS),
}
WEEK_LATER = START_MS + 8 * DAY_MS


def a_call(number: int, unit: str, *, cost: int | None = USD, workflow: str = "support", **more: Any) -> CallRecord:
    entries = more.pop("entries", (an_entry(cost=cost),))
    return a_record(number, unit=unit, workflow=workflow, capability=workflow, entries=entries, **more)


def keep(db: Database, **told: Any) -> None:
    write_batch(db, Batch(**told), workflows=WORKFLOWS)


def card_of(db: Database, workflow: str = "support", *, now_ms: int = WEEK_LATER, **where: Any) -> Scorecard:
    span = Slice(**{"since_ms": START_MS, "until_ms": START_MS + DAY_MS, **where})
    return next(one for one in scorecards(db, span, now_ms=now_ms, workflows=WORKFLOWS) if one.workflow == workflow)


# ── cost per outcome ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_useful_outcome_bears_the_cost_of_failed_units_failed_attempts_and_people(each_database: Database) -> None:
    """
    Three tickets. A: a failed attempt for $1 and one that answered for $2; resolved. B: $3, resolved after 100 s of a person's work ($1.00).
    C: $4, not resolved. All: 1 + 2 + 3 + 4 + 1 = $11 for two useful outcomes = $5.50.
    """
    first = (an_entry(0, cost=USD, error="timeout_total"), an_entry(1, cost=2 * USD, target="acme/large"))
    calls = [a_call(1, "A", entries=first), a_call(2, "B", cost=3 * USD), a_call(3, "C", cost=4 * USD)]
    told = [an_outcome("A", "1"), an_outcome("B", "2", human_s=100.0), an_outcome("C", "3", success=False)]
    keep(each_database, records=calls, outcomes=told)

    card = card_of(each_database)

    assert card.cost_per_useful_nano_usd == 5_500_000_000
    assert card.worth.money == Money(api=10 * USD, human=1 * USD)
    assert (card.worth.useful, card.units.units, card.units.told, card.units.matured) == (2, 3, 3, 3)
    assert (card.coverage, card.units.value_nano_usd) == (Coverage.KNOWN, 10 * USD)  # twice the workflow's $5
    assert (card.unit, card.owner) == ("ticket", "ann")


def test_loaded_has_own_hardware_and_licences_and_marginal_has_neither(each_database: Database) -> None:
    """
    $2 by token, $3 of own hardware, $1 for a judge, one useful ticket, $7 of licences: 2 + 3 + 1 + 7 = $13 loaded, 2 + 1 = $3 marginal.
    A licence without a workflow ($9) and idle hardware (paid $10, used $3) are borne by nobody.
    """
    entries = (
        an_entry(0, cost=2 * USD, error="schema_mismatch"),
        an_entry(1, cost=3 * USD, price_id="hardware", place=Place.PRIVATE, target="own/small"),
        an_entry(2, cost=1 * USD, kind="judge"),
    )
    licences = [a_charge("l1", 7 * USD, kind="licence", tenant=""), a_charge("l2", 9 * USD, kind="licence", tenant="", workflow="")]
    paid = [("own/small", START_MS, 3600.0, 10 * USD, 1080.0, 3 * USD)]
    keep(each_database, records=[a_call(1, "A", entries=entries)], outcomes=[an_outcome("A")], charges=licences, hardware=paid)

    card = card_of(each_database)

    assert card.worth.money == Money(api=2 * USD, hardware=3 * USD, overhead=1 * USD, licences=7 * USD)
    assert (card.worth.loaded_nano_usd, card.worth.marginal_nano_usd) == (13 * USD, 3 * USD)
    (own,) = card.hardware
    assert (own.target, own.idle_nano_usd, own.utilisation) == ("own/small", 7 * USD, 0.3)
    assert hardware(each_database, Slice(since_ms=START_MS, until_ms=START_MS + HOUR_MS)) == (own,)
    # a team bears its calls; licences are the whole workflow's
    assert card_of(each_database, team="").worth.money.licences == 0


def test_an_unknown_cost_is_never_zero(each_database: Database) -> None:
    keep(each_database, records=[a_call(1, "A", cost=None), a_call(2, "B")], outcomes=[an_outcome("A", "1")])

    card = card_of(each_database)

    assert (card.coverage, card.cost_unknown, card.worth.coverage) == (Coverage.PARTIAL, 1, Coverage.PARTIAL)
    assert card.cost_per_useful_nano_usd == USD  # at least

    keep(each_database, records=[a_call(3, "L", cost=None, workflow="leads")], outcomes=[an_outcome("L", "2", workflow="leads")])
    leads = card_of(each_database, "leads")
    assert (leads.coverage, leads.cost_per_useful_nano_usd, leads.units.useful) == (Coverage.UNKNOWN, None, 1)


# ── maturity and completion ─────────────────────────────────────────────────────────────────────────────────────────


def test_only_units_that_had_their_whole_window_count_and_the_others_are_shown_beside(each_database: Database) -> None:
    """
    Two tickets of the first hour and two of the next day, a week's window. Eight days later less an hour the second pair has had six days and 23 hours:
    half is mature. Of the mature pair one is useful at $2 for both; provisionally three of four at $4.
    """
    calls = [a_call(1, "A"), a_call(2, "B"), a_call(3, "C", at_ms=START_MS + DAY_MS), a_call(4, "D", at_ms=START_MS + DAY_MS)]
    told = [an_outcome("A", "1"), an_outcome("C", "2", at_ms=START_MS + DAY_MS), an_outcome("D", "3", at_ms=START_MS + DAY_MS)]
    keep(each_database, records=calls, outcomes=told)

    card = card_of(each_database, now_ms=START_MS + 8 * DAY_MS, until_ms=START_MS + 2 * DAY_MS)

    units = card.units
    assert (units.units, units.matured, units.maturity) == (4, 2, 0.5)
    assert (units.useful, units.provisional_useful, units.outcome_coverage, units.useful_rate) == (1, 3, 0.75, 0.5)
    assert (card.worth.loaded_nano_usd, card.provisional.loaded_nano_usd) == (2 * USD, round(4 * USD / 3))

    nothing = card_of(each_database, now_ms=START_MS + HOUR_MS)
    assert (nothing.units.maturity, nothing.cost_per_useful_nano_usd, nothing.units.completion_rate) == (0.0, None, None)


def test_an_hour_matures_as_a_whole(each_database: Database) -> None:
    keep(each_database, records=[a_call(1, "A", at_ms=START_MS + 1)], outcomes=[an_outcome("A")])
    last = START_MS + HOUR_MS + 7 * DAY_MS
    assert [card_of(each_database, now_ms=now).units.matured for now in (last - 1, last)] == [0, 1]


def test_completion_is_of_mature_units_that_came_to_an_end_in_time(each_database: Database) -> None:
    """Leads should close within an hour: of four, one closes at once, one unsuccessfully in time, one after two hours, one never. 2 / 4."""
    calls = [a_call(number, name, workflow="leads") for number, name in enumerate("ABCD")]
    late = START_MS + 2 * HOUR_MS
    told = [an_outcome("A", "1"), an_outcome("B", "2", success=False, at_ms=START_MS + 60_000), an_outcome("C", "3", at_ms=late)]
    keep(each_database, records=calls, outcomes=told)

    units = card_of(each_database, "leads").units

    assert (units.matured, units.in_time, units.completion_rate, units.useful) == (4, 2, 0.5, 2)


def test_a_success_that_is_taken_back_is_not_useful(each_database: Database) -> None:
    later = START_MS + HOUR_MS
    told = [an_outcome("A", "1"), an_outcome("A", "2", reversed=True, at_ms=later), an_outcome("B", "3"), an_outcome("B", "4", success=False, supersedes="3")]
    keep(each_database, records=[a_call(1, "A"), a_call(2, "B")], outcomes=told)

    units = card_of(each_database).units

    assert (units.useful, units.reversed, units.told) == (0, 1, 2)


# ── quality ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_quality_is_rectified_by_labels_and_the_raw_value_stands_beside(each_database: Database) -> None:
    """
    A judge says 0.9, 0.7, 0.8, 0.6 (mean 0.75); people say 0.5 of the first and 0.5 of the second: gaps −0.4 and −0.2, mean −0.3. Rectified: 0.45.
    Variance: of the judge (0.0225 + 0.0025 + 0.0025 + 0.0225) / 4 = 0.0125, over 4 = 0.003125; of the gaps (0.01 + 0.01) / 2² × 2 / 1 = 0.01.
    Half the interval: 1.959964 × √0.013125 = 0.22454.
    """
    calls = [a_call(number, name) for number, name in enumerate("ABCD")]
    judged = [a_score(f"j{n}", one.call_id, value=value) for n, (one, value) in enumerate(zip(calls, (0.9, 0.7, 0.8, 0.6), strict=True))]
    labels = [a_score(f"h{n}", one.call_id, value=0.5, is_human=True, judge="ann") for n, one in enumerate(calls[:2])]
    keep(each_database, records=calls)
    keep(each_database, scores=[*judged, *labels])

    quality = card_of(each_database).quality

    assert quality is not None
    assert (quality.judged, quality.labelled, quality.is_rectified) == (4, 2, True)
    assert [quality.mean, quality.raw, quality.lo, quality.hi] == pytest.approx([0.45, 0.75, 0.45 - 0.22454, 0.45 + 0.22454], abs=1e-5)


def test_labels_alone_are_weighted_by_how_likely_they_were_asked_for(each_database: Database) -> None:
    """One of ten random calls says 1 (weight 10), one that was asked for says 0 (weight 1): 10 / 11."""
    calls = [a_call(number, name) for number, name in enumerate("AB")]
    keep(each_database, records=calls)
    labels = [a_score("1", calls[0].call_id, value=1.0, is_human=True, selection_propensity=0.1), a_score("2", calls[1].call_id, value=0.0, is_human=True)]
    keep(each_database, scores=labels)

    quality = card_of(each_database).quality

    assert quality is not None
    assert quality.mean == pytest.approx(10 / 11)
    assert (quality.raw, quality.is_rectified, quality.hi) == (None, False, 1.0)


def test_a_judge_alone_is_told_as_it_is(each_database: Database) -> None:
    """Two calls, one judged twice: (0.4 and 0.6 → 0.5) and 0.7. Mean 0.6; deviation 0.1; half the interval 1.96 × 0.1 / √2."""
    calls = [a_call(number, name) for number, name in enumerate("AB")]
    keep(each_database, records=calls)
    told = [(0, 0.4), (0, 0.6), (1, 0.7)]
    keep(each_database, scores=[a_score(str(n), calls[call].call_id, value=value) for n, (call, value) in enumerate(told)])
    quality = card_of(each_database).quality
    assert quality is not None
    assert (quality.judged, quality.labelled, quality.is_rectified) == (2, 0, False)
    assert [quality.mean, quality.raw, quality.hi - quality.mean] == pytest.approx([0.6, 0.6, 1.959964 * 0.1 / math.sqrt(2)])


def test_licences_of_mature_days_only_are_in_what_mature_units_cost(each_database: Database) -> None:
    licences = [a_charge(str(day), USD, kind="licence", tenant="", at_ms=START_MS + day * DAY_MS) for day in range(2)]
    keep(each_database, records=[a_call(1, "A")], outcomes=[an_outcome("A")], charges=licences)
    card = card_of(each_database, now_ms=START_MS + 8 * DAY_MS, until_ms=START_MS + 2 * DAY_MS)
    assert (card.worth.loaded_nano_usd, card.provisional.loaded_nano_usd, card.money.licences) == (2 * USD, 3 * USD, 2 * USD)


def test_units_whose_calls_are_of_another_span_still_have_a_card(each_database: Database) -> None:
    """A capability narrows calls and not units: where none of its calls fit there are only units."""
    keep(each_database, records=[a_call(1, "A")])
    card = card_of(each_database, capability="other")
    assert (card.calls, card.units.units, card.escalation.up, card.latency.mean_ms, card.coverage) == (0, 1, None, None, Coverage.KNOWN)


def test_one_label_says_nothing_about_its_spread(each_database: Database) -> None:
    calls = [a_call(1, "A")]
    keep(each_database, records=calls)
    keep(each_database, scores=[a_score("1", calls[0].call_id, value=0.5, is_human=True)])
    quality = card_of(each_database).quality
    assert quality is not None
    assert (quality.lo, quality.hi) == (0.0, 1.0)


@settings(max_examples=40, deadline=None)
@given(gaps=st.lists(st.floats(-0.3, 0.3), min_size=2, max_size=20), judged=st.floats(0.35, 0.65))
def test_a_judge_that_is_wrong_by_a_constant_is_put_right(gaps: list[float], judged: float) -> None:
    """Whatever a judge says of all, labels of its own calls move the mean by their mean gap."""
    n = len(gaps)
    row = {
        "metric": "m",
        "judged_n": n,
        "judged_sum": judged * n,
        "judged_squares": judged * judged * n,
        "human_n": n,
        "gap_n": n,
        "gap_w": float(n),
        "gap_sum": sum(gaps),
        "gap_w2": float(n),
        "gap_w2_sum": sum(gaps),
        "gap_w2_squares": sum(gap * gap for gap in gaps),
    }
    found = rectified(row)
    assert found is not None
    assert math.isclose(found.mean, judged + sum(gaps) / n, abs_tol=1e-9)
    assert found.lo <= found.mean <= found.hi


# ── escalation and override ─────────────────────────────────────────────────────────────────────────────────────────


def test_escalation_up_and_to_people_are_shares_of_calls_and_useful_ones_of_escalated_units(each_database: Database) -> None:
    """Of four calls two went to a stronger target and one of these to a person as well; of the two escalated units one was useful."""
    up = (an_entry(0, error="schema_mismatch"), an_entry(1, target="acme/large"))
    person = (*up, an_entry(2, place=Place.PEOPLE, target="desk", cost=0))
    calls = [a_call(1, "A", entries=up), a_call(2, "B", entries=person), a_call(3, "C"), a_call(4, "D")]
    keep(each_database, records=calls, outcomes=[an_outcome("A", "1"), an_outcome("B", "2", success=False)])

    escalation = card_of(each_database).escalation

    assert (escalation.up, escalation.to_people, escalation.useful) == (0.5, 0.25, 0.5)
    assert card_of(each_database, now_ms=START_MS).escalation.useful is None  # nothing is mature


def test_reviews_that_were_asked_for_do_not_inflate_the_override_rate(each_database: Database) -> None:
    """
    Random reviews (1 in 10, weight 10): one accepted, one rerouted. Reviews that something triggered (weight 1): two rejected.
    Raw: 3 / 4. Weighted: (10 + 1 + 1) / 22 = 12 / 22; of routing 10 / 22. One that is not done does not count.
    """
    calls = [a_call(number, name) for number, name in enumerate("ABCDE")]
    keep(each_database, records=calls)
    verdicts = [("accepted", 0.1), ("rerouted", 0.1), ("rejected", 1.0), ("rejected", 1.0), (None, 1.0)]
    told = [
        a_review(str(n), one.call_id, verdict=verdict, selection_propensity=share)
        for n, (one, (verdict, share)) in enumerate(zip(calls, verdicts, strict=True))
    ]
    keep(each_database, reviews=told)

    override = card_of(each_database).override

    assert (override.reviews, override.raw) == (4, 0.75)
    assert [override.rate, override.routing] == pytest.approx([12 / 22, 10 / 22])


# ── model choice, latency, tokens ───────────────────────────────────────────────────────────────────────────────────


def test_model_choice_tells_where_calls_ran_and_what_they_cost_there(each_database: Database) -> None:
    by_rule = (an_entry(0, cost=0, place=Place.RULES, target="table", kind="rule", tokens=(0, 0)),)
    calls = [a_call(1, "A"), a_call(2, "B", status="timeout_total"), a_call(3, "C", entries=by_rule), a_call(4, "D")]
    keep(each_database, records=calls)

    card = card_of(each_database)

    assert [(one.place, one.target, one.calls, one.ok, one.share, one.cost_nano_usd) for one in card.choices] == [
        ("cloud", "acme/small", 3, 2, 0.75, 3 * USD),
        ("rules", "table", 1, 1, 0.25, 0),
    ]
    assert (card.calls, card.ok, card.calls_by_place) == (4, 3, {"cloud": 3, "rules": 1})
    assert card.tokens == Tokens(tokens_in=30, tokens_out=15)


def test_latency_quantiles_come_from_bins_and_first_bytes_from_the_newest_calls(each_database: Database) -> None:
    """Of a hundred calls 50 took 100 ms, 45 a second and 5 eight seconds: p50 lies among the first, p95 among the second, p99 among the last."""
    times = [100.0] * 50 + [1000.0] * 45 + [8000.0] * 5
    calls = [
        a_call(number, str(number), latency_ms=ms, entries=(an_entry(first_byte_ms=40.0 + number),) if number < 3 else (an_entry(),))
        for number, ms in enumerate(times)
    ]
    keep(each_database, records=calls)

    latency = card_of(each_database).latency

    assert latency.mean_ms == 900.0
    for found, meant in ((latency.p50_ms, 100), (latency.p95_ms, 1000), (latency.p99_ms, 8000)):
        assert found == pytest.approx(meant, rel=0.08)  # half a fifth of an octave
    assert (latency.first_byte_n, latency.first_byte_p50_ms, latency.first_byte_p95_ms) == (3, 41.0, 42.0)
    assert card_of(each_database, team="").latency.p50_ms is None  # not kept by team


# ── slices ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_slice_narrows_to_workflow_team_and_span(each_database: Database) -> None:
    calls = [
        a_call(1, "A", team="blue", application="web"),
        a_call(2, "B", team="red"),
        a_call(3, "L", workflow="leads"),
        a_call(4, "Z", at_ms=START_MS + 3 * DAY_MS),
    ]
    keep(each_database, records=calls)
    span = {"since_ms": START_MS, "until_ms": START_MS + DAY_MS}

    def found(**where: Any) -> list[tuple[str, int, int]]:
        cards = scorecards(each_database, Slice(**span, **where), now_ms=WEEK_LATER, workflows=WORKFLOWS)
        return [(card.workflow, card.calls, card.units.units) for card in cards]

    assert found() == [("leads", 1, 1), ("support", 2, 2)]
    assert found(workflow="leads") == [("leads", 1, 1)]
    assert found(team="blue") == found(application="web") == [("support", 1, 1)]
    assert found(team="blue", tenant="other") == []


@settings(max_examples=60, deadline=None)
@given(first=st.integers(0, 60), hours=st.integers(1, 80))
def test_days_and_hours_of_a_span_are_counted_once_each(first: int, hours: int) -> None:
    """However a span lies across days: what is read by day and what by hour meet without a gap and do not overlap."""
    where = Slice(since_ms=START_MS + first * HOUR_MS + 1, until_ms=START_MS + (first + hours) * HOUR_MS)
    values = where.values()
    since, day, last, until = (int(str(values[name])) for name in ("since_ms", "first_day_ms", "last_day_ms", "until_ms"))
    assert since <= day <= last <= until
    assert day == last or day % DAY_MS == last % DAY_MS == 0


def test_a_long_span_says_the_same_as_its_hours(each_database: Database) -> None:
    calls = [a_call(hour, str(hour), at_ms=START_MS + hour * HOUR_MS) for hour in range(60)]
    keep(each_database, records=calls)
    assert card_of(each_database, since_ms=START_MS + 5 * HOUR_MS, until_ms=START_MS + 53 * HOUR_MS).calls == 48
    assert card_of(each_database, since_ms=START_MS + 5 * HOUR_MS, until_ms=START_MS + 9 * HOUR_MS).calls == 4


@settings(max_examples=60, deadline=None)
@given(hours=st.integers(1, 9_000))
def test_of_a_long_span_latencies_of_at_most_three_days_of_hours_are_read_from_every_hour_of_the_day(hours: int) -> None:
    where = Slice(since_ms=START_MS, until_ms=START_MS + hours * HOUR_MS)
    stride = stride_ms(where) // HOUR_MS
    assert -(-hours // stride) <= 72
    assert stride == 1 or math.gcd(stride, 168) == 1


def test_latencies_of_a_long_span_are_those_of_a_part_of_its_hours(each_database: Database) -> None:
    """Ten days are read in every fifth hour: a slow first hour is met, a slow second is not."""
    calls = [a_call(hour, str(hour), at_ms=START_MS + hour * HOUR_MS, latency_ms={0: 8000.0, 1: 64_000.0}.get(hour, 100.0)) for hour in range(240)]
    keep(each_database, records=calls)
    latency = card_of(each_database, until_ms=START_MS + 240 * HOUR_MS).latency
    assert latency.p50_ms == pytest.approx(100, rel=0.08)
    assert latency.p99_ms == pytest.approx(8000, rel=0.08)
