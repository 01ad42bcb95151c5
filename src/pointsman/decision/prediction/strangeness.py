"""
How far what was learned can be relied on for a prompt: how many like it were seen, and how wrong the mean of a region of alike prompts turned out to be when
it was not among what was learned from.

The regression's own variance says how sure its curve is if the kernel is right everywhere. Whether it is where nothing was seen, it cannot know: that is
measured here.
"""

from typing import Any, Final

import numpy as np
from msgspec import Struct

from pointsman.decision.prediction.kernel import Kernel, shapes

Array = Any

REGIONS: Final = 16
_LEAST_OFF: Final = 5e-4
_LEAST_RISE: Final = 0.05
_MILDEST: Final = 1.0
_STEEPEST: Final = 6.0
_USUAL: Final = 20  # percentile of known prompts whose crowd is the usual one
_TINY: Final = 1e-9


class Crowd(Struct, frozen=True, kw_only=True, array_like=True):
    """
    How many prompts lie at each landmark (`counts`, float32 bytes), and how many a known one has about it (`usual`).

    The mean of prompts that are strange by s is off by `scale` · s ^ `power` of the variance of single scores.
    """

    counts: bytes
    usual: float
    scale: float
    power: float


def counted(kernel: Kernel, alike: Array) -> Array:
    """Return how many of these prompts are nearest to each landmark, float32."""
    return np.bincount(np.argmax(alike, axis=1), minlength=len(kernel.basis)).astype(np.float32)


def strange(alike: Array, counts: Array, *, kernel: Kernel, usual: float) -> Array:
    """Return how strange prompts are: 0 among many that were seen, 1 where there is none. The crowd is looked for much closer by than the kernel looks."""
    return 1 / (1 + alike**kernel.shape.sharpness @ counts / usual)


def measured(kernel: Kernel, numbers: Array, *, off: tuple[float, float], parts: tuple[Array, Array]) -> Crowd:
    """
    Return the crowd of known prompts. `off` is how wrong the means of regions were, with prompts left out anywhere and with whole regions left out; `parts`
    (prompts) tell what was left out at once. Nobody is a crowd to itself: prompts are held against those of the other parts.
    """
    alike = kernel.parts(numbers)[0]
    close = alike**kernel.shape.sharpness
    crowds = [_crowds(alike, close, parts=one) for one in parts]
    usual = max(float(np.percentile(crowds[0], _USUAL)), _TINY)
    near, far = (float((1 / (1 + one / usual)).mean()) for one in crowds)
    rise = float(np.log(max(off[1], _LEAST_OFF) / max(off[0], _LEAST_OFF))) / max(float(np.log(max(far, near) / near)), _LEAST_RISE)
    power = min(_STEEPEST, max(_MILDEST, rise))
    return Crowd(counts=counted(kernel, alike).tobytes(), usual=usual, scale=max(off[1], _LEAST_OFF) / max(far, near) ** power, power=power)


def _crowds(alike: Array, close: Array, *, parts: Array) -> Array:
    """Return how many prompts of other parts each prompt has about it, as if there were as many of them as of all."""
    nearest, found = np.argmax(alike, axis=1), np.zeros(len(alike))
    for part in np.unique(parts):
        own = parts == part
        others = np.bincount(nearest[~own], minlength=alike.shape[1])
        found[own] = close[own] @ others * (len(alike) / max(1, int((~own).sum())))
    return found


def regions_of(numbers: Array) -> Array:
    """Return for each prompt in which of `REGIONS` it lies."""
    shape = shapes(numbers, most=REGIONS, kinds=((1.0, 0.0),), seed=0)[0]
    return np.argmax(Kernel(shape).parts(numbers)[0], axis=1)


def off(errors: Array, counts: Array, *, regions: Array) -> float:
    """Return the mean squared error of regions' means, less what chance does to them, in variances of single scores; arrays (prompts, targets)."""
    noise = float((counts * errors**2).sum() / max(counts.sum(), _TINY))
    found, total = 0.0, 0.0
    for region in range(REGIONS):
        own = counts[regions == region]
        known = own.sum(axis=0)
        means = (own * errors[regions == region]).sum(axis=0) / np.maximum(known, _TINY)
        found += float((known * means**2).sum() - noise * (known > 0).sum())
        total += float(known.sum())
    return found / max(total, _TINY) / max(noise, _TINY)
