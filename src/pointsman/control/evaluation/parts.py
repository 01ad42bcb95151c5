"""
Which prompts are learned from and which are held out. Everything is drawn from a seed, and nothing depends on the order in which prompts were imported.
"""

import hashlib

import numpy as np
from msgspec import Struct

from pointsman.control.evaluation.grid import Floats, Grid, Whole
from pointsman.control.evaluation.lines import Ends
from pointsman.core.errors import BadRequest


class Drawn(Struct, frozen=True, kw_only=True):
    """How labels are drawn: `labels` prompts in all, or `each` of every capability; neither means all that there are. `share` stays where nothing says test."""

    labels: int | None = None
    each: int | None = None
    seed: int = 0
    share: float = 0.7


def divided(grid: Grid, drawn: Drawn) -> tuple[Whole, Whole]:
    """
    Return the rows that are learned from and those that are held out.

    Where a column says `train`, only those rows are learned from, and where it says `test`, only those are held out. Otherwise all rows are there to be drawn:
    without a number of labels `share` of them, and the rest is held out. Raises `BadRequest` where nothing is left to learn from.
    """
    splits = np.array(grid.splits)
    has_train, has_test = bool((splits == "train").any()), bool((splits == "test").any())
    pool = np.flatnonzero(splits == "train" if has_train else splits != "test")
    if not len(pool):
        raise BadRequest("Every prompt is in the split `test`, so there is nothing to learn from. Import prompts of the split `train` too.")
    order = pool[np.argsort(_keys(grid, pool, seed=drawn.seed), kind="stable")]
    if drawn.each is not None:
        learned = _of_each(grid, order, each=drawn.each)
    else:
        wanted = drawn.labels if drawn.labels is not None else len(order) if has_train or has_test else max(1, round(drawn.share * len(order)))
        learned = _stratified(grid, order, wanted=min(wanted, len(order)))
    held = np.flatnonzero(splits == "test") if has_test else np.setdiff1d(np.arange(len(splits)), learned)
    return np.sort(learned), held


def _keys(grid: Grid, rows: Whole, *, seed: int) -> list[bytes]:
    return [hashlib.blake2b(f"{seed}\0{grid.capabilities[row]}\0{grid.prompts[row]}".encode(), digest_size=8).digest() for row in rows]


def _groups(grid: Grid, order: Whole) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    rows: list[int] = order.tolist()
    for row in rows:
        groups.setdefault(grid.capabilities[row], []).append(row)
    return [groups[name] for name in sorted(groups)]


def _of_each(grid: Grid, order: Whole, *, each: int) -> Whole:
    return np.array([row for group in _groups(grid, order) for row in group[:each]], dtype=np.int64)


def _stratified(grid: Grid, order: Whole, *, wanted: int) -> Whole:
    """Take from each capability in proportion to its size; what is left over by rounding goes to the largest remainders."""
    groups = _groups(grid, order)
    exact = [len(group) * wanted / len(order) for group in groups]
    taken = [int(share) for share in exact]
    by_rest = sorted(range(len(groups)), key=lambda at: (taken[at] - exact[at], at))
    for at in by_rest[: wanted - sum(taken)]:
        taken[at] += 1
    return np.array([row for group, count in zip(groups, taken, strict=True) for row in group[:count]], dtype=np.int64)


def ends(score: Floats, cost: Floats) -> Ends:
    """Return the model with the highest mean score and the cheapest other one; of two that cost the same, the better. `score` (n, m), `cost` (m)."""
    known = ~np.isnan(score)
    quality = np.where(known, score, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    strong = int(np.lexsort((cost, -quality))[0])
    others = [column for column in np.lexsort((-quality, cost)).tolist() if column != strong]
    return Ends(weak=others[0] if others else strong, strong=strong)
