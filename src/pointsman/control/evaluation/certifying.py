"""
From a store to a promise: which pairs calibrate, and what predicts them. Pairs that were learned from never calibrate.
"""

from typing import Final

import msgspec
import numpy as np

from pointsman.control.evaluation import engine
from pointsman.control.evaluation.fitted import Fitted, of_rows
from pointsman.control.evaluation.grid import Grid, Whole
from pointsman.control.evaluation.promise import Promise, promised
from pointsman.control.evaluation.store import digest
from pointsman.core.errors import BadRequest
from pointsman.decision.guarantee.betting import least_pairs
from pointsman.decision.guarantee.split import is_kept_apart

_CALIBRATES: Final = frozenset({"calibration", "calib", "cal", "validation", "valid", "val", "dev"})


def certified(grid: Grid, value: Fitted, *, risk: tuple[float, float], is_each: bool = False) -> tuple[Fitted, Promise]:
    """
    Return the promise, and what it is about. Pairs come from a split `calibration` or `validation`; without one from prompts that were not learned from and
    are not in the split `test`. Where these are too few to prove anything, half of what was learned from is taken out of it, and the rest is learned anew. With
    `is_each` every capability is promised for by itself.
    """
    if len(value.models) == 1:
        raise BadRequest(f"Only `{value.models[0]}` is known: there is nothing to choose between. Import outcomes of a second model.")
    seen = np.array([digest(text, capability) in value.seen for text, capability in zip(grid.prompts, grid.capabilities, strict=True)])
    whole = np.zeros(len(seen), dtype=bool)
    whole[grid.whole] = True
    splits = np.array(grid.splits)
    named = np.isin(splits, list(_CALIBRATES))
    rows = np.flatnonzero(whole & ~seen & (named if named.any() else splits != "test"))
    if len(rows) < least_pairs(risk[0], sure=risk[1]) and not named.any():
        apart = np.array([is_kept_apart(f"{name}\0{text}") for text, name in zip(grid.prompts, grid.capabilities, strict=True)])
        rows = np.flatnonzero(whole & ((~seen & (splits != "test")) | (seen & apart)))
        value = _without(grid, value, rows=np.flatnonzero(seen & ~apart))
    return value, _of(grid, rows, value=value, risk=risk, is_each=is_each)


def _without(grid: Grid, value: Fitted, *, rows: Whole) -> Fitted:
    if not len(rows):
        raise BadRequest("There are too few prompts to learn from one half of them and to prove a promise with the other. Import more.")
    return msgspec.structs.replace(of_rows(grid, rows, drawn=value.drawn, embedder=value.embedder), weak=value.weak, strong=value.strong)


def _of(grid: Grid, rows: Whole, *, value: Fitted, risk: tuple[float, float], is_each: bool) -> Promise:
    known = grid.at(rows)
    expected = engine.expected(value.predictor, engine.prompts_of(known), models=value.models)
    return promised(expected, known.score, strong=value.ends.strong, risk=risk, capabilities=known.capabilities, is_each=is_each)
