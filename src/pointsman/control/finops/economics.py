"""
Unit economics of a workflow: what an item and a useful outcome cost and were worth, with intervals over items.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np
from msgspec import Struct

from pointsman.control.finops.intervals import Floats, Interval, ratio
from pointsman.control.finops.sample import MOST, Item, sample
from pointsman.control.finops.span import Span
from pointsman.storage.sql import Database

_MINUTE_S: Final = 60
Owner = Literal["", "team", "application", "tenant"]


class Economics(Struct, frozen=True, kw_only=True):
    """
    The economics of items opened in a span, of which `items` were looked at out of `out_of`. Money in nano-dollars.

    `per_useful` = (attempts + people) / useful items, failed items included above. `per_unit` the same / items. `value_per_cost` = value of useful items /
    cost. `human_minutes` per item. `overhead_share` is what judges, summaries and shadows are of the cost of attempts. `coverage` is the share of calls of
    known cost, `told_share` that of items of which anything was told, `mature_share` that of items whose window is over.
    """

    name: str
    items: int
    out_of: int
    useful: int
    per_unit: Interval | None
    per_useful: Interval | None
    value_per_cost: Interval | None
    human_minutes: Interval | None
    overhead_share: Interval | None
    coverage: float
    told_share: float
    mature_share: float | None


def economics(db: Database, workflow: str, *, span: Span, by: Owner = "", mature_before_ms: int | None = None, seed: int = 1) -> list[Economics]:
    """
    Return the economics of a workflow as a whole (named by it, first), and of each owner where `by` names a kind.

    Items opened before `mature_before_ms` count as mature: now less the workflow's window. Drawn from `unit`, at most 10,000 items; the same seed draws and
    says the same.
    """
    drawn = sample(db, workflow, span=span, most=MOST, seed=seed)
    if not drawn.items:
        return []
    whole = _columns(drawn.items, mature_before_ms=mature_before_ms)
    found = [_of(workflow, whole, out_of=drawn.out_of, seed=seed)]
    names = np.array([getattr(item, by) for item in drawn.items]) if by else np.array([])
    for owner in sorted(set(names.tolist())):
        is_own = names == owner
        share = round(drawn.out_of * int(is_own.sum()) / len(drawn.items))
        found.append(_of(owner, {name: column[is_own] for name, column in whole.items()}, out_of=share, seed=seed))
    return found


def _of(name: str, of: Mapping[str, Floats], *, out_of: int, seed: int) -> Economics:
    one, calls = np.ones(len(of["useful"])), float(of["calls"].sum())
    return Economics(
        name=name,
        items=len(one),
        out_of=out_of,
        useful=int(of["useful"].sum()),
        per_unit=ratio(of["cost"], one, seed=seed),
        per_useful=ratio(of["cost"], of["useful"], seed=seed),
        value_per_cost=ratio(of["value"], of["cost"], seed=seed),
        human_minutes=ratio(of["minutes"], one, seed=seed),
        overhead_share=ratio(of["overhead"], of["attempts"], seed=seed),
        coverage=1 - float(of["unknown"].sum()) / calls if calls else 1.0,
        told_share=float(of["told"].mean()),
        mature_share=float(of["mature"].mean()) if "mature" in of else None,
    )


def _columns(items: Sequence[Item], *, mature_before_ms: int | None) -> dict[str, Floats]:
    """Return a column for each number, in the order of the items."""
    columns = {
        "useful": [item.is_useful for item in items],
        "told": [item.is_told for item in items],
        "cost": [item.cost_nano_usd + item.human_nano_usd for item in items],
        "attempts": [item.cost_nano_usd for item in items],
        "overhead": [item.overhead_nano_usd for item in items],
        "minutes": [item.human_s / _MINUTE_S for item in items],
        "value": [item.value_nano_usd if item.is_useful else 0 for item in items],
        "calls": [item.calls for item in items],
        "unknown": [item.cost_unknown for item in items],
    }
    if mature_before_ms is not None:
        columns["mature"] = [item.opened_ms < mature_before_ms for item in items]
    return {name: np.array(column, dtype=float) for name, column in columns.items()}
