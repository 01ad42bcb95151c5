"""
Another policy over decisions that were made: with which probability it would have chosen each model. Named as a mode is, as one model, or as a file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from pointsman.control.evaluation import modes
from pointsman.control.evaluation.cells import BadCell, Cells, text_of
from pointsman.control.evaluation.engine import Expected
from pointsman.control.evaluation.grid import Floats
from pointsman.control.evaluation.journal import Decided
from pointsman.control.evaluation.lines import Ends
from pointsman.control.evaluation.tables import raw
from pointsman.core.errors import BadRequest

_ALWAYS: Final = "always="
_SLACK: Final = 1e-6
_HOW: Final = "Write share=0.5, lambda=0.3, always=MODEL, or name a file of decisions"


def models_of(decided: Sequence[Decided]) -> tuple[str, ...]:
    """Return the models that any of the decisions might have chosen."""
    return tuple(dict.fromkeys(model for one in decided for model in one.probability))


def matrix(decided: Sequence[Decided], models: Sequence[str], *, of: str, missing: float) -> Floats:
    """Return one of the decisions' numbers by model, `probability`, `quality` or `cost`: (n, m)."""
    return np.array([[getattr(one, of).get(model, missing) for model in models] for one in decided])


def proposed(policy: str, decided: Sequence[Decided], *, models: Sequence[str], strong: str) -> Floats:
    """Return the probability of each model (n, m). Raises `BadRequest` for a policy that cannot be read or does not speak of every decision."""
    if policy.startswith(_ALWAYS):
        model = policy.removeprefix(_ALWAYS)
        if model not in models:
            raise BadRequest(f"No decision could have chosen `{model}`. Models are {', '.join(f'`{name}`' for name in models)}.")
        return np.tile(np.array([float(name == model) for name in models]), (len(decided), 1))
    path = Path(policy)
    if path.is_file():
        return _from_file(path, decided, models=models)
    if "=" not in policy:
        raise BadRequest(f"`{policy}` is neither a policy nor a file. {_HOW}.")
    mode = modes.mode_of(policy)
    quality = matrix(decided, models, of="quality", missing=0.0)
    expected = Expected(quality=quality, sd=np.zeros_like(quality), cost=matrix(decided, models, of="cost", missing=1.0), cpu_us=np.zeros(len(decided)))
    if mode.kind == "share":
        return modes.by_share(expected, share=mode.share, ends=Ends(weak=0, strong=models.index(strong))).probability
    if mode.kind == "lambda":
        return modes.by_price(expected, price=mode.price).probability
    raise BadRequest(f"`{policy}` cannot be estimated by itself. Decide with it into a file, and name that.")


def _from_file(path: Path, decided: Sequence[Decided], *, models: Sequence[str]) -> Floats:
    known = {one.id: row for row, one in enumerate(decided)}
    found = np.full((len(decided), len(models)), np.nan)
    for row, cells in raw(path)[1]:
        try:
            name = text_of(cells, "id")
            if name in known:
                found[known[name]] = _probabilities(cells, models)
        except BadCell as bad:
            raise BadRequest(f"line {row} of `{path.name}`, column {bad}") from bad
    lacks = np.flatnonzero(np.isnan(found).any(axis=1))
    if len(lacks):
        raise BadRequest(
            f"`{path.name}` says nothing of `{decided[int(lacks[0])].id}` and {len(lacks) - 1} more. Decide about the same prompts, with their ids."
        )
    return found


def _probabilities(cells: Cells, models: Sequence[str]) -> list[float]:
    told = cells.get("probabilities")
    if told:
        if not isinstance(told, dict) or not all(isinstance(value, int | float) and 0 <= value <= 1 for value in told.values()):  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            raise BadCell("probabilities", 'is no object of numbers between 0 and 1 by model. Write {"model": 0.5, …}.')
        row = [float(told.get(model, 0.0)) for model in models]  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        if abs(sum(row) - 1.0) > _SLACK:
            raise BadCell("probabilities", f"adds up to {sum(row):g} over the models that were known. Let it add up to 1.")
        return row
    model = text_of(cells, "model")
    if model not in models:
        raise BadCell("model", f"`{model}` could not have been chosen. Models are {', '.join(f'`{name}`' for name in models)}.")
    return [float(name == model) for name in models]
