"""
Error budgets: what burns, what is too little to tell, and that alerts come as soon as windows allow and not on quiet days.
"""

import math

import pytest
from bench.ledger.burn import an_objective, incident, quiet_day
from hypothesis import given
from hypothesis import strategies as st

from pointsman.control.objectives.budget import Count, Counts, burning, is_known, rate_of, rules_of, standing
from pointsman.settings.workflows import Objective

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_MS = 100 * DAY_MS


def steady(bad: float, *, per_hour: float = 1000.0) -> Count:
    """Count traffic of which the same share was bad at any time."""

    def count(since_ms: int, until_ms: int) -> Counts:
        total = per_hour * (until_ms - since_ms) / HOUR_MS
        return Counts(good=total * (1 - bad), total=total)

    return count


def ended(bad: float, *, ago_ms: int) -> Count:
    """Count traffic that was bad until some time ago and is good since."""

    def count(since_ms: int, until_ms: int) -> Counts:
        total = 1000.0 * (until_ms - since_ms) / HOUR_MS
        bad_ms = max(until_ms - ago_ms - since_ms, 0)
        return Counts(good=total - 1000.0 * bad * bad_ms / HOUR_MS, total=total)

    return count


def test_the_windows_of_thirty_days_are_those_of_the_book_and_others_are_scaled() -> None:
    rules = rules_of(an_objective(0.99))
    assert [(rule.rate, rule.long_ms / HOUR_MS, rule.short_ms / 60_000) for rule in rules] == [(14.4, 1, 5), (6.0, 6, 30), (1.0, 72, 360)]
    week = Objective(name="n", workflow="w", kind="success", share=0.99, window_ms=15 * DAY_MS)
    assert [rule.long_ms / HOUR_MS for rule in rules_of(week)] == [0.5, 3, 36]


def test_an_outage_pages_and_says_when_the_budget_is_gone() -> None:
    burn = burning(an_objective(0.99), steady(0.5), now_ms=NOW_MS)
    assert burn is not None
    assert (burn.rule.name, burn.rule.severity) == ("fast", "page")
    assert burn.says == (
        "`support` misses its objective `answered`: 500 of 1000 in the last 60 minutes were not good; at this rate the error budget of 30 days"
        " is gone in 14.4 hours."
    )


@pytest.mark.parametrize(("bad", "rule"), [(0.2, "fast"), (0.08, "middle"), (0.02, "slow"), (0.009, None)])
def test_the_rate_decides_which_rule_speaks(bad: float, rule: str | None) -> None:
    burn = burning(an_objective(0.99), steady(bad), now_ms=NOW_MS)
    assert (None if burn is None else burn.rule.name) == rule


def test_what_is_over_is_not_told() -> None:
    """The short window is good again, so nobody is called for what happened half an hour ago."""
    assert burning(an_objective(0.99), ended(0.5, ago_ms=0), now_ms=NOW_MS) is not None
    after = burning(an_objective(0.99), ended(0.5, ago_ms=7 * HOUR_MS), now_ms=NOW_MS)
    assert after is None


def test_a_total_failure_of_a_modest_promise_is_told_too() -> None:
    """Of an objective of 90 % nothing burns faster than 10, and the book's fast rule waits for 14.4."""
    burn = burning(an_objective(0.9), steady(1.0), now_ms=NOW_MS)
    assert burn is not None
    assert burn.rule.rate == pytest.approx(8.0)


def test_a_promise_of_everything_is_broken_by_a_few() -> None:
    assert burning(an_objective(1.0), steady(0.01), now_ms=NOW_MS) is not None
    assert burning(an_objective(1.0), steady(0.0), now_ms=NOW_MS) is None


@pytest.mark.parametrize(("bad", "total", "known"), [(1, 2, False), (3, 3, False), (4, 4, True), (4, 300, False), (15, 300, True), (0, 0, False)])
def test_few_calls_prove_little(bad: int, total: int, *, known: bool) -> None:
    assert is_known(an_objective(0.99), Counts(good=total - bad, total=total)) is known


def test_of_nothing_nothing_is_said() -> None:
    nothing = standing(an_objective(0.99), lambda _since, _until: Counts(), now_ms=NOW_MS)
    assert (nothing.budget_left, nothing.burn_1h, nothing.counts.share) == (None, None, None)
    assert burning(an_objective(0.99), lambda _since, _until: Counts(), now_ms=NOW_MS) is None


def test_half_of_the_failures_allowed_leave_half_of_the_budget() -> None:
    found = standing(an_objective(0.99), steady(0.005), now_ms=NOW_MS)
    assert found.budget_left == pytest.approx(0.5)
    assert found.burn_1h == pytest.approx(0.5)


@given(st.floats(0.5, 0.9999), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_more_failures_never_burn_slower_and_never_silence_an_alert(share: float, one: float, other: float) -> None:
    less, more = sorted((one, other))
    objective = an_objective(share)
    rates = [rate_of(objective, Counts(good=1 - bad, total=1)) or 0.0 for bad in (less, more)]
    assert rates[0] <= rates[1] or math.isclose(*rates)
    if burning(objective, steady(less), now_ms=NOW_MS) is not None:
        assert burning(objective, steady(more), now_ms=NOW_MS) is not None


# ── simulated days (bench/ledger/burn.py tells the method) ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("per_minute", [0.1, 1.0, 300.0])
def test_at_most_one_of_thirty_quiet_days_has_a_false_alarm(per_minute: float) -> None:
    wrong = [seed for seed in range(30) if quiet_day(seed, 0.99, per_minute=per_minute, part=0.5, step_ms=600_000) is not None]
    assert len(wrong) <= 1


@pytest.mark.parametrize(("share", "per_minute"), [(0.99, 1.0), (0.99, 300.0), (0.999, 10.0), (0.9, 10.0)])
def test_an_incident_is_told_within_the_theory_of_the_windows(share: float, per_minute: float) -> None:
    for seed in range(3):
        after, latest = incident(seed, share, per_minute=per_minute, share=1.0, step_ms=60_000)
        assert latest is not None
        assert after is not None
        assert after <= latest
