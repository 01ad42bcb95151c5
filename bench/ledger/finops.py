"""
How often usual days are called unusual, how soon money that rises is found, and how far forecasts are off: by simulation, seeds fixed.

    .venv/bin/python bench/ledger/finops.py
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pointsman.control.finops.forecast import expected
from pointsman.control.finops.unusual import look

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


def main() -> None:
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
