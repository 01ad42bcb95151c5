"""Alert rules made from objectives, played through on counters that a gateway would tell."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import yaml
from tests.telemetry.text import names

from pointsman.control.objectives.budget import LEAST_BAD, rules_of
from pointsman.settings.workflows import Objective, Workflow
from pointsman.telemetry.alerts import BurnRule, alert_rules, burn_rate
from pointsman.telemetry.measures import Counted
from pointsman.telemetry.scrape import rendered

DAY_MS = 86_400_000
ANSWERS = Objective(name="answers", workflow="tickets", kind="success", share=0.99, window_ms=30 * DAY_MS)
CHEAP = Objective(name="cheap", workflow="tickets", kind="cost_per_outcome", share=0.99, window_ms=30 * DAY_MS, threshold=400_000_000.0)
TICKETS = Workflow(name="tickets", capabilities=("support",), objectives=(ANSWERS, CHEAP))

_COUNT = re.compile(r"sum\((rate|increase)\((\w+)\{[^}]*\}\[(\d+)([smhd])\]\)\)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

# The counter of calls, and of those that were not good, at a second.
Counters = Callable[[str, float], float]


def rules_for(objective: Objective) -> Iterable[BurnRule]:
    for one in rules_of(objective):
        told = {"name": one.name, "severity": one.severity, "rate": one.rate, "long_ms": one.long_ms, "short_ms": one.short_ms}
        yield BurnRule(objective=objective, least_bad=LEAST_BAD, **told)


def written(*workflows: Workflow) -> list[dict[str, Any]]:
    rules = [rule for workflow in workflows for one in workflow.objectives if one.kind != "cost_per_outcome" for rule in rules_for(one)]
    return [rule for group in yaml.safe_load(alert_rules(rules, workflows))["groups"] for rule in group["rules"]]


def burns() -> dict[str, str]:
    return {rule["labels"]["burn"]: rule["expr"] for rule in written(TICKETS) if rule["alert"] == "PointsmanObjectiveBurns"}


def speaks(expr: str, counters: Counters, at_s: float) -> bool:
    """Answer a rule as Prometheus would, as far as these rules go."""

    def told(found: re.Match[str]) -> str:
        span_s = int(found[3]) * _SECONDS[found[4]]
        grown = counters(found[2], at_s) - counters(found[2], at_s - span_s)
        return repr(grown / span_s if found[1] == "rate" else grown)

    arithmetic = _COUNT.sub(told, expr)
    assert re.fullmatch(r"[-+0-9.e/>=() and]+", arithmetic)
    try:
        return bool(eval(arithmetic))
    except ZeroDivisionError:
        return False  # not a number: nothing is compared with that


def a_service(*, per_s: float, share_bad: Callable[[float], float]) -> Counters:
    """Return counters of a service with so many calls a second, a share of which is bad at each minute since the start."""
    bad = [0.0]
    for minute in range(10_000):
        bad.append(bad[-1] + per_s * 60 * share_bad(minute * 60))

    def at(name: str, second: float) -> float:
        if second <= 0:
            return 0.0
        return bad[int(second // 60)] if name == "pointsman_objective_bad_total" else second * per_s

    return at


def detected_s(burn: str, counters: Counters, since_s: float) -> float | None:
    expr = burns()[burn]
    return next((after for after in range(0, 6 * 3600, 60) if speaks(expr, counters, since_s + after)), None)


def test_each_objective_has_its_three_rules() -> None:
    assert set(burns()) == {"fast", "middle", "slow"}
    told = next(rule for rule in written(TICKETS) if rule["alert"] == "PointsmanObjectiveBurns")
    assert told["labels"] == {"severity": "page", "workflow": "tickets", "objective": "answers", "burn": "fast"}
    assert told["annotations"]["summary"] == "`tickets` misses its objective `answers`: its error budget burns 14.4 times too fast over 1h and 5m."


# A long window of an hour that began healthy shows a share of b after t minutes as b·t/60; the rule speaks at 14.4 % of it.
@pytest.mark.parametrize(("share", "within_s"), [(1.0, 9 * 60), (0.5, 18 * 60), (0.2, 44 * 60)])
def test_an_outage_is_told_within_the_time_that_the_windows_imply(share: float, within_s: float) -> None:
    start = 4 * 86_400.0
    found = detected_s("fast", a_service(per_s=1.0, share_bad=lambda s: share if s >= start else 0.0), start)
    assert found is not None
    assert within_s - 120 <= found <= within_s + 60


@pytest.mark.parametrize("burn", ["fast", "middle", "slow"])
def test_a_service_within_its_budget_is_not_told(burn: str) -> None:
    assert detected_s(burn, a_service(per_s=1.0, share_bad=lambda _: 0.009), 4 * 86_400.0) is None


def test_what_is_over_is_not_told_for_long() -> None:
    start, end = 4 * 86_400.0, 4 * 86_400.0 + 1800
    counters = a_service(per_s=1.0, share_bad=lambda s: 1.0 if start <= s < end else 0.0)
    assert speaks(burns()["fast"], counters, end)
    assert not speaks(burns()["fast"], counters, end + 6 * 60)


def test_a_few_bad_ones_of_a_few_are_not_told() -> None:
    start = 4 * 86_400.0
    counters = a_service(per_s=1 / 1200, share_bad=lambda s: 1.0 if s >= start else 0.0)  # three calls an hour
    assert not any(speaks(burns()["fast"], counters, start + minute * 60) for minute in range(0, 50, 7))


def test_nothing_is_told_of_a_service_that_nobody_calls() -> None:
    assert not speaks(burns()["fast"], lambda _name, _at: 0.0, 4 * 86_400.0)


def test_a_cost_per_outcome_is_told_in_dollars() -> None:
    [told] = [rule for rule in written(TICKETS) if rule["alert"] == "PointsmanOutcomeCosts"]
    assert told["expr"].endswith(" > 0.4")
    assert told["labels"] == {"severity": "ticket", "workflow": "tickets", "objective": "cheap"}


def test_a_promise_of_everything_has_a_rate_all_the_same() -> None:
    assert burn_rate(Objective(name="all", workflow="w", kind="success", share=1.0, window_ms=1), "1h").endswith(" / 1e-06")


def test_windows_follow_those_of_the_objective() -> None:
    weekly = Objective(name="answers", workflow="tickets", kind="success", share=0.99, window_ms=7 * DAY_MS)
    exprs = [rule["expr"] for rule in written(Workflow(name="tickets", capabilities=(), objectives=(weekly,))) if "burn" in rule["labels"]]
    assert set(re.findall(r"\[(\d+[smhd])\]", exprs[0])) == {"14m", "70s"}


def test_every_rule_asks_for_figures_that_are_told() -> None:
    told = names(rendered(Counted(), []))
    for rule in written(TICKETS, Workflow(name="quiet", capabilities=())):
        asked = set(re.findall(r"pointsman_\w+", rule["expr"]))
        assert asked
        assert asked <= told
