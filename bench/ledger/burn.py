"""
Do burn alerts come as soon as their windows allow, and not on quiet days?

Method. Traffic is simulated by the minute (Poisson arrivals with a day's rhythm, binomial failures) for an objective over 30 days, and looked at every 15 s
through the same function as in the gateway, for which a cumulative sum stands in for the roll-ups. A quiet day has the third, or half, of the failures that the
budget allows; three days before it are simulated too, so that every window is full. An incident begins at a random time of such a day, at a fixed share of
failures, with a third of the budget used before. In theory a rule speaks at the first minute at which the failures to be expected, of the calls that came, less
three standard deviations, put its long and its short window over its rate; detected in time is: no later than that, and the minute of the roll-up.

    python -m bench.ledger.burn [--seeds N]
"""

import argparse
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pointsman.control.objectives.budget import CHANCE, LEAST_BAD, Burn, Counts, burning, rules_of
from pointsman.settings.workflows import Objective

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
LOOK_MS: Final = 15_000
BEFORE: Final = 3 * 1440  # minutes simulated before the day that counts: the longest window
SHARES: Final = (0.9, 0.95, 0.99, 0.999)
_SLACK_MINUTES: Final = 1.25
PER_MINUTE: Final = (0.1, 1.0, 10.0, 300.0)


@dataclass(frozen=True)
class Traffic:
    """Minutes of calls and of good ones, as sums from the beginning."""

    good: Any
    total: Any

    def count(self, since_ms: int, until_ms: int) -> Counts:
        """Return the counts of a span, whole minutes but for a part of the first and of the last, as roll-ups give them."""
        good, total = (self._at(sums, until_ms) - self._at(sums, since_ms) for sums in (self.good, self.total))
        return Counts(good=good, total=total)

    @staticmethod
    def _at(sums: Any, ms: int) -> float:
        minute, rest = divmod(max(ms, 0), MINUTE_MS)
        index = min(minute, len(sums) - 1)
        step = sums[min(index + 1, len(sums) - 1)] - sums[index]
        return float(sums[index] + step * rest / MINUTE_MS)


def an_objective(share: float) -> Objective:
    """Return the objective that is simulated."""
    return Objective(name="answered", workflow="support", kind="success", share=share, window_ms=30 * DAY_MS)


def simulate(random: np.random.Generator, *, per_minute: float, bad: Any) -> Traffic:
    """Return traffic with these shares of failures, one for each minute. Nights have a fifth of the traffic of midday."""
    minutes = np.arange(len(bad))
    rhythm = 0.6 - 0.4 * np.cos(2 * np.pi * (minutes % 1440) / 1440)
    calls = random.poisson(per_minute * rhythm)
    failed = random.binomial(calls, np.asarray(bad))
    return Traffic(good=np.concatenate([[0], np.cumsum(calls - failed)]), total=np.concatenate([[0], np.cumsum(calls)]))


def first_burn(objective: Objective, traffic: Traffic, *, since_ms: int, until_ms: int, step_ms: int = LOOK_MS) -> tuple[int, Burn] | None:
    """Return when something burnt first between two times, or None."""
    for now_ms in range(since_ms, until_ms, step_ms):
        burn = burning(objective, traffic.count, now_ms=now_ms)
        if burn is not None:
            return now_ms, burn
    return None


def quiet_day(seed: int, share: float, *, per_minute: float, part: float, step_ms: int = LOOK_MS) -> tuple[int, Burn] | None:
    """Return the false alarm of a day on which only a part of the budget is used, or None."""
    random = np.random.default_rng(seed)
    bad = np.full(BEFORE + 1440, (1 - share) * part)
    traffic = simulate(random, per_minute=per_minute, bad=bad)
    return first_burn(an_objective(share), traffic, since_ms=BEFORE * MINUTE_MS, until_ms=(BEFORE + 1440) * MINUTE_MS, step_ms=step_ms)


def theory_minutes(objective: Objective, calls: Any, bad: Any, *, began: int) -> int | None:
    """
    Return after how many minutes some rule must have spoken, or None: the first minute at which, of the calls that came, the failures to be expected put
    both windows over the rate with three standard deviations to spare, and are too many for a service within its budget.
    """
    budget = 1 - objective.share
    total, failed = (np.concatenate([[0.0], np.cumsum(one)]) for one in (calls, calls * bad))
    minutes = np.arange(began + 1, len(total))
    due: list[int] = []
    for rule in rules_of(objective):
        is_over = np.ones(len(minutes), dtype=bool)
        for window_ms in (rule.long_ms, rule.short_ms):
            begins = np.maximum(minutes - round(window_ms / MINUTE_MS), 0)
            here, met = total[minutes] - total[begins], failed[minutes] - failed[begins]
            least = np.maximum(met - 3 * np.sqrt(met), 0.0)
            is_over &= (here > 0) & (least >= rule.rate * budget * here)
            if window_ms == rule.long_ms:
                is_over &= (least >= LEAST_BAD) & _is_proof(least, here, budget=budget)
        found = minutes[is_over]
        if len(found):
            due.append(int(found[0]) - began)
    return min(due, default=None)


def _is_proof(bad: Any, total: Any, *, budget: float) -> Any:
    seen = np.clip(bad / np.maximum(total, 1.0), 1e-12, 1 - 1e-12)
    apart = seen * np.log(seen / budget) + (1 - seen) * np.log((1 - seen) / (1 - budget))
    return (seen > budget) & (total * apart >= -math.log(CHANCE))


def incident(seed: int, promised: float, *, per_minute: float, share: float, step_ms: int = LOOK_MS) -> tuple[float | None, float | None]:
    """Return after how many minutes an incident was told, and by when it had to be in theory; None for never."""
    random = np.random.default_rng(seed)
    objective = an_objective(promised)
    began = BEFORE + int(random.integers(0, 1440))
    bad = np.full(began + 3 * 1440, (1 - promised) / 3)
    bad[began:] = share
    traffic = simulate(random, per_minute=per_minute, bad=bad)
    latest = theory_minutes(objective, np.diff(traffic.total), bad, began=began)
    if latest is None:
        return None, None
    found = first_burn(objective, traffic, since_ms=began * MINUTE_MS, until_ms=len(bad) * MINUTE_MS, step_ms=step_ms)
    return None if found is None else (found[0] / MINUTE_MS - began), float(latest + _SLACK_MINUTES)


def main() -> None:
    """Print both tables."""
    told = argparse.ArgumentParser(description="How soon burn alerts come, and how often for nothing.")
    told.add_argument("--seeds", type=int, default=30)
    told.add_argument("--step", type=int, default=60_000, help="milliseconds between looks")
    args = told.parse_args()
    days = alarms = 0
    print("quiet days: share, calls a minute, part of the budget used → false alarms of days")
    for share in SHARES:
        for per_minute in PER_MINUTE:
            for part in (1 / 3, 1 / 2):
                found = [quiet_day(seed, share, per_minute=per_minute, part=part, step_ms=args.step) for seed in range(args.seeds)]
                wrong = sum(one is not None for one in found)
                days, alarms = days + len(found), alarms + wrong
                print(f"  {share:<6} {per_minute:>6} {part:.2f}  {wrong} of {len(found)}")
    print(f"false alarms: {alarms} of {days} quiet days\n")
    print("incidents: promised, calls a minute, share of failures → minutes until told (median, longest), theory (median), in time")
    for share in SHARES:
        for per_minute in PER_MINUTE[1:]:
            for failing in (1.0, 0.5, 0.2):
                outcomes = [incident(1000 + seed, share, per_minute=per_minute, share=failing, step_ms=args.step) for seed in range(args.seeds)]
                due = [(after, latest) for after, latest in outcomes if latest is not None]
                if not due:
                    continue
                times = sorted(math.inf if after is None else after for after, _ in due)
                theory = sorted(latest for _, latest in due)
                in_time = sum(after is not None and after <= latest for after, latest in due)
                shown = f"{times[len(times) // 2]:7.1f} {times[-1]:7.1f}  {theory[len(theory) // 2]:7.1f}"
                print(f"  {share:<6} {per_minute:>6} {failing:.2f}  {shown}  {in_time} of {len(due)}")


if __name__ == "__main__":
    main()
