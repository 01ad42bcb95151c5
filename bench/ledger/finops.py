"""
How often usual days are called unusual, how soon money that rises is found, and how far forecasts are off: by simulation, seeds fixed.
With a ledger, how long each question of money takes for its last 30 days. It is only read; `generate.py` makes one.

    .venv/bin/python bench/ledger/finops.py [LEDGER.db]
"""

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pointsman.control.finops.allocation import BYS, allocation
from pointsman.control.finops.anomalies import anomalies
from pointsman.control.finops.budgets import Budget, standings
from pointsman.control.finops.economics import economics
from pointsman.control.finops.forecast import expected
from pointsman.control.finops.frontier import answered, avoidable
from pointsman.control.finops.outcomes import per_outcome
from pointsman.control.finops.savings import savings
from pointsman.control.finops.span import DAY_MS, Span
from pointsman.control.finops.spent import hardware, spent
from pointsman.control.finops.unusual import look
from pointsman.control.finops.what_if import at_prices, other_ladder
from pointsman.core.target import Price, Rates
from pointsman.storage.open import open_reading
from pointsman.storage.sql import Database

WEEK = np.array([1, 1.1, 1.05, 1.0, 0.9, 0.4, 0.3])
Series = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Series]


def normal(scatter: float) -> Noise:
    return lambda random, days: random.normal(0, scatter, days)


def heavy(scatter: float) -> Noise:
    """Student's t with four degrees of freedom, of this standard deviation."""
    return lambda random, days: scatter * random.standard_t(4, days) / 2**0.5


def series(random: np.random.Generator, days: int, *, noise: Noise, drift: float) -> tuple[list[int], int]:
    """Return days of nano-dollars, and the weekday of the first."""
    first = int(random.integers(7))
    level = np.cumsum(random.normal(0, drift, days))
    amounts = 1e9 * WEEK[(first + np.arange(days)) % 7] * np.exp(noise(random, days) + level)
    return [int(amount) for amount in amounts], first


def called(noise: Noise, *, times: float, drift: float, false_alarms: float, runs: int = 300) -> float:
    """Return the share of last days, raised `times`, that are called unusual."""
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(runs):
        days, _first = series(random, 57, noise=noise, drift=drift)
        found = look([*days[:-1], int(days[-1] * times)], false_alarms=false_alarms)
        hits += found is not None and found.is_unusual
    return hits / runs


def foreseen(scatter: float, *, drift: float, horizon: int, runs: int = 200) -> tuple[float, float]:
    """Return the mean relative error of a forecast from eight weeks, and the share of intervals (80 %) that held."""
    random = np.random.default_rng(2)
    errors: list[float] = []
    held = 0
    for _ in range(runs):
        days, first = series(random, 56 + horizon, noise=normal(scatter), drift=drift)
        found = expected(days[:56], first, share=[1.0] * horizon)
        actual = sum(days[56:])
        assert found is not None
        errors.append(abs(found.nano_usd - actual) / actual)
        held += found.low_nano_usd <= actual <= found.high_nano_usd
    return float(np.mean(errors)), held / runs


RATES = Rates(tokens_in=10**9, tokens_out=4 * 10**9, cache_read=10**8)
FLAT = Price(price_id="flat", rates=RATES)
TIERED = Price(price_id="tiered", rates=RATES, tiers=((2000, Rates(tokens_in=2 * 10**9, tokens_out=8 * 10**9)),))
ROUNDS = 3


def questions(db: Database) -> Mapping[str, Callable[[], object]]:
    """Everything that the console asks of money, for the last 30 days of a ledger."""
    last = db.rows("SELECT MAX(bucket_ms) AS at_ms FROM rollup_day")[0]["at_ms"]
    span, now = Span(since_ms=last - 29 * DAY_MS, until_ms=last + DAY_MS), last + DAY_MS - 1
    flows = spent(db, span)
    workflows = sorted({flow.workflow for flow in flows})
    largest = max(workflows, key=lambda name: sum(flow.calls for flow in flows if flow.workflow == name))
    targets = sorted(answered(db, largest, span=span))

    def budget(by: str, period: str = "month") -> Callable[[], object]:
        return lambda: standings(db, [Budget(name="b", by=by, nano_usd=10**13, period=period)], now_ms=now)

    def borne(by: str) -> Callable[[], object]:
        return lambda: allocation(db, span, by=by, tag="project")

    return {
        **{f"allocation by {by}": borne(by) for by in BYS},
        "per outcome": lambda: per_outcome(db, largest, span=span),
        "budget of a month by team": budget("team"),
        "budget of a month by capability": budget("capability"),
        "budget of a day by team": budget("team", "day"),
        "budget of a month by key (counts calls)": budget("key"),
        "savings": lambda: savings(db, span, target=targets[0], price=FLAT),
        "savings, a price with tiers": lambda: savings(db, span, target=targets[0], price=TIERED),
        "unusual days, without keys": lambda: anomalies(db, last),
        "economics": lambda: economics(db, largest, span=span),
        "economics by team": lambda: economics(db, largest, span=span, by="team"),
        "what-if: prices": lambda: at_prices(db, span, prices={targets[0]: FLAT}),
        "what-if: a price with tiers": lambda: at_prices(db, span, prices={targets[0]: TIERED}),
        "what-if: another ladder": lambda: other_ladder(db, largest, span=span, shares=dict.fromkeys(targets, 1.0)),
        "avoidable, of one workflow": lambda: avoidable(db, largest, span=span),
        f"avoidable, of all {len(workflows)} workflows": lambda: [avoidable(db, name, span=span) for name in workflows],
        "idle hardware": lambda: hardware(db, span),
    }


def timed(place: Path) -> None:
    print(f"questions of the last 30 days of {place.name} ({place.stat().st_size / 2**20:,.0f} MiB), best of {ROUNDS} -> ms, ms of processor, ms at first")
    with closing(open_reading(place)) as db:
        for name, ask in questions(db).items():
            took: list[tuple[float, float]] = []
            for _ in range(ROUNDS):
                wall, processor = time.perf_counter(), time.process_time()
                ask()
                took.append((time.perf_counter() - wall, time.process_time() - processor))
            best, least = (min(one[part] for one in took) * 1000 for part in (0, 1))
            print(f"  {name:40} -> {best:7.0f} {least:7.0f} {took[0][0] * 1000:7.0f}", flush=True)


def main() -> None:
    if len(sys.argv) > 1:
        timed(Path(sys.argv[1]))
        return
    print("unusual days: noise, drift a day, asked false alarms -> called: usual, x1.5, x2, x3")
    for name, noise in (("normal 15 %", normal(0.15)), ("normal 30 %", normal(0.3)), ("heavy 20 %", heavy(0.2))):
        for drift in (0.0, 0.02):
            for asked in (1 / 60, 1 / 600):
                shares = [called(noise, times=times, drift=drift, false_alarms=asked) for times in (1, 1.5, 2, 3)]
                print(f"  {name:12} {drift:4.0%} {asked:7.2%} -> " + "  ".join(f"{share:6.1%}" for share in shares))
    print("forecasts: noise, drift a day, days ahead -> mean error, intervals that held (80 % meant)")
    for scatter in (0.1, 0.3):
        for drift in (0.0, 0.02):
            for horizon in (1, 7, 20):
                error, held = foreseen(scatter, drift=drift, horizon=horizon)
                print(f"  {scatter:4.0%} {drift:4.0%} {horizon:3} -> {error:6.1%}  {held:6.1%}")


if __name__ == "__main__":
    main()
