"""
Trying what is not well known yet: which candidate goes first, and with exactly which probability.

Thompson sampling over posterior draws (W. R. Thompson, Biometrika 25, 1933), held to the owner's share: a candidate other than the greedy one is tried as
often as the draws call it the best, at most in `share` of calls altogether, and never less often than `FLOOR`, so that what is learned from the log has
bounded weights. Where the share has not room for the floor of everybody, the most promising are tried and the others are not. The share always holds.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from pointsman.core.label import Level
from pointsman.core.routing import Trial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLOOR: Final = 0.01


class Draw(Struct, frozen=True, kw_only=True):
    """What was drawn: the candidate's index, the probability that each candidate had (they add up to 1), and whether it is another than the greedy one."""

    index: int
    probabilities: tuple[float, ...]
    is_exploring: bool

    @property
    def propensity(self) -> float:
        """The probability of what was drawn."""
        return self.probabilities[self.index]


def share_of(trial: Trial | None, *, level: Level, spent_nano_usd: int) -> float:
    """Return the share of calls that may be tried elsewhere: none without the owner's word, with stricter data, or when the day's money is spent."""
    if trial is None or level > trial.ceiling:
        return 0.0
    return 0.0 if trial.daily_nano_usd is not None and spent_nano_usd >= trial.daily_nano_usd else trial.share


def explore(first: int, draws: "NDArray[np.floating]", *, allowed: Sequence[bool], share: float, chance: float) -> Draw:
    """
    Return which candidate goes first, drawn by one `chance` in [0, 1) from exactly the probabilities that are returned.

    `first` is what would be taken without trying anything. `draws` (n, candidates) are posterior draws of what each candidate is worth, in any one unit.
    `allowed` candidates may be tried; `first` always may. At most `share` of calls go elsewhere.
    """
    others = [index for index, may in enumerate(allowed) if may and index != first]
    if not others or share <= 0.0:
        return _certain(first, len(allowed))
    tried = _tried(first, draws, others=others, share=share)
    probabilities = [0.0] * len(allowed)
    for index, probability in tried.items():
        probabilities[index] = probability
    probabilities[first] = 1.0 - sum(tried.values())
    drawn = _drawn(first, tried, chance=chance - probabilities[first])
    return Draw(index=drawn, probabilities=tuple(probabilities), is_exploring=drawn != first)


def _certain(first: int, count: int) -> Draw:
    return Draw(index=first, probabilities=tuple(float(index == first) for index in range(count)), is_exploring=False)


def _tried(first: int, draws: "NDArray[np.floating]", *, others: list[int], share: float) -> dict[int, float]:
    """Return with which probability each of the others is tried."""
    columns = [first, *others]  # the greedy one stands first, so that a tie is not a reason to leave it
    seen = draws[:, columns]
    wins = [0] * len(columns)
    for best in seen.argmax(axis=1).tolist():
        wins[best] += 1
    hopes: list[float] = seen.max(axis=0).tolist()
    room = max(1, int(share / FLOOR + 1e-9))
    ranked = sorted(range(1, len(columns)), key=lambda at: (-wins[at], -hopes[at]))[:room]
    floor = min(FLOOR, share / len(ranked))
    more = {at: max(0.0, wins[at] / len(seen) - floor) for at in ranked}
    wanted, left = sum(more.values()), share - floor * len(ranked)
    scale = 1.0 if wanted <= left else left / wanted
    return {columns[at]: floor + scale * more[at] for at in ranked}


def _drawn(first: int, tried: dict[int, float], *, chance: float) -> int:
    """Return the candidate that what is left of the chance falls on. Less than nothing is the greedy one."""
    if chance < 0.0:
        return first
    last = first
    for index, probability in tried.items():
        last = index
        chance -= probability
        if chance < 0.0:
            break
    return last
