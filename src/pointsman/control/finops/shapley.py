"""
Splitting a change into the parts that its causes have in it, so that the parts add up to the change and no order of causes is preferred.

The share of a cause is its mean contribution over every order in which the causes could have changed one after the other (Shapley). Numbers only.
"""

from collections.abc import Callable, Mapping, Sequence
from math import factorial
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Factor: TypeAlias = "float | npt.NDArray[np.float64]"
Factors: TypeAlias = Mapping[str, Any]

# 2 ** 12 evaluations take some 40 ms.
MOST_FACTORS: Final = 12


def parts(old: Factors, new: Factors, *, value: Callable[[Factors], float]) -> dict[str, float]:
    """
    Return what each factor has in `value(new) - value(old)`; the parts add up to it, but for the rounding of floats.

    Both hold the same names, at most `MOST_FACTORS` of which differ. A factor that did not change has no part.
    """
    changed = [name for name in old if not np.array_equal(old[name], new[name])]
    if len(changed) > MOST_FACTORS:
        raise ValueError(f"{len(changed)} factors differ; at most {MOST_FACTORS} can be told apart")
    count = len(changed)
    values = np.array([value(_mixed(old, new, names=[name for bit, name in enumerate(changed) if mask >> bit & 1])) for mask in range(1 << count)])
    masks = np.arange(1 << count)
    sizes = np.array([mask.bit_count() for mask in range(1 << count)])
    weights = np.array([factorial(size) * factorial(max(count - size - 1, 0)) / factorial(count) for size in range(count + 1)])
    found = dict.fromkeys(old, 0.0)
    for bit, name in enumerate(changed):
        without = masks[masks >> bit & 1 == 0]
        found[name] = float(np.sum(weights[sizes[without]] * (values[without | 1 << bit] - values[without])))
    return found


def whole(shares: Mapping[str, float], total: int, *, rest: str) -> dict[str, int]:
    """Return the parts as integers that add up to `total` exactly: the largest takes what rounding left, `rest` what is more than that."""
    rounded = {name: round(share) for name, share in shares.items()}
    left = total - sum(rounded.values())
    largest = max(rounded, key=lambda name: abs(rounded[name]))
    is_rounding = abs(left) <= len(rounded) + abs(rounded[largest]) * 1e-9
    rounded[largest if is_rounding else rest] += left
    return rounded


def _mixed(old: Factors, new: Factors, *, names: Sequence[str]) -> Factors:
    return {**old, **{name: new[name] for name in names}}
