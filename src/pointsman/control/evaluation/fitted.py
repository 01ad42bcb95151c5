"""
What `router fit` leaves in the store: the parameters, and what is needed to use them and to know which prompts they have seen.
"""

import msgspec
import numpy as np
from msgspec import Struct

from pointsman.control.evaluation import engine
from pointsman.control.evaluation.grid import Grid, Whole, relative
from pointsman.control.evaluation.parts import Drawn, divided
from pointsman.control.evaluation.report import ends
from pointsman.control.evaluation.store import Store, digest
from pointsman.core.errors import BadRequest
from pointsman.decision.prediction.parameters import Parameters, decode, encode

_NAME = "fitted"


class Fitted(Struct, frozen=True, kw_only=True):
    """
    `unit` is the mean cost of the dearest model, in the unit of the table: relative costs are in it; None where no cost is known.

    `seen` are the prompts that were learned from, by their digests.
    """

    models: tuple[str, ...]
    weak: str
    strong: str
    unit: float | None
    seed: int
    seen: frozenset[bytes]
    parameters: bytes

    @property
    def learned(self) -> Parameters:
        """The parameters."""
        return decode(self.parameters)


def fitted(grid: Grid, drawn: Drawn) -> Fitted:
    """Learn from drawn prompts. Raises `BadRequest` where there are none."""
    rows, _ = divided(grid, drawn)
    return of_rows(grid, rows, seed=drawn.seed)


def of_rows(grid: Grid, rows: Whole, *, seed: int) -> Fitted:
    """Learn from these rows."""
    known = grid.at(rows)
    spent, mean, has_costs = relative(known)
    two = ends(known.score, mean)
    parameters = engine.learned(known, np.arange(len(rows)), spent=spent, seed=seed)
    return Fitted(
        models=grid.models,
        weak=grid.models[two.weak],
        strong=grid.models[two.strong],
        unit=unit_of(known) if has_costs else None,
        seed=seed,
        seen=frozenset(digest(text, capability) for text, capability in zip(known.prompts, known.capabilities, strict=True)),
        parameters=encode(parameters),
    )


def unit_of(grid: Grid) -> float:
    """Return the mean cost of the dearest model."""
    known = ~np.isnan(grid.cost)
    count = known.sum(axis=0)
    return float((np.where(known, grid.cost, 0.0).sum(axis=0)[count > 0] / count[count > 0]).max())


def keep(store: Store, value: Fitted) -> None:
    """Keep it in the store, in the place of what was learned before."""
    store.remember(_NAME, msgspec.msgpack.encode(value))


def kept(store: Store) -> Fitted:
    """Return it. Raises `BadRequest` where nothing was learned yet."""
    found = store.remembered(_NAME)
    if found is None:
        raise BadRequest("Nothing is learned yet. Run `pointsman router fit` first.")
    return msgspec.msgpack.decode(found, type=Fitted)
