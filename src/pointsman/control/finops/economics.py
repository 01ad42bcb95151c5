"""
Unit economics of a workflow: what an item and a useful outcome cost and were worth, with intervals over items.
"""

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import numpy as np
from msgspec import Struct

from pointsman.control.finops.intervals import Floats, Interval, ratio
from pointsman.control.finops.sample import MOST, Item, Sample, sample
from pointsman.control.finops.span import Span
from pointsman.storage.sql import Database

_MINUTE_S: Final = 60
Owner = Literal["", "team", "application", "tenant"]
_Of: TypeAlias = Callable[[Item], float]


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

    Items opened before `mature_before_ms` count as mature: now less the workflow's window. Drawn from `unit`, at most 20,000 items; the same seed draws and
    says the same.
    """
    drawn = sample(db, workflow, span=span, most=MOST, seed=seed)
    found = [_of(workflow, drawn, mature_before_ms=mature_before_ms, seed=seed)] if drawn.items else []
    owners = sorted({getattr(item, by) for item in drawn.items}) if by else []
    for owner in owners:
        items = tuple(item for item in drawn.items if getattr(item, by) == owner)
        share = Sample(items=items, out_of=round(drawn.out_of * len(items) / len(drawn.items)))
        found.append(_of(owner, share, mature_before_ms=mature_before_ms, seed=seed))
    return found


def _of(name: str, drawn: Sample, *, mature_before_ms: int | None, seed: int) -> Economics:
    items = drawn.items
    one = np.ones(len(items))
    useful = _column(items, lambda item: item.is_useful)
    cost = _column(items, lambda item: item.cost_nano_usd + item.human_nano_usd)
    calls = sum(item.calls for item in items)
    mature = None if mature_before_ms is None else sum(item.opened_ms < mature_before_ms for item in items) / len(items)
    return Economics(
        name=name,
        items=len(items),
        out_of=drawn.out_of,
        useful=int(useful.sum()),
        per_unit=ratio(cost, one, seed=seed),
        per_useful=ratio(cost, useful, seed=seed),
        value_per_cost=ratio(_column(items, lambda item: item.value_nano_usd if item.is_useful else 0), cost, seed=seed),
        human_minutes=ratio(_column(items, lambda item: item.human_s / _MINUTE_S), one, seed=seed),
        overhead_share=ratio(_column(items, lambda item: item.overhead_nano_usd), _column(items, lambda item: item.cost_nano_usd), seed=seed),
        coverage=1 - sum(item.cost_unknown for item in items) / calls if calls else 1.0,
        told_share=sum(item.is_told for item in items) / len(items),
        mature_share=mature,
    )


def _column(items: tuple[Item, ...], of: _Of) -> Floats:
    return np.array([of(item) for item in items], dtype=float)
