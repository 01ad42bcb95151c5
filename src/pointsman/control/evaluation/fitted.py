"""
What `router fit` leaves in the store: the parameters, and what is needed to use them and to know which prompts they have seen.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from pointsman.control.evaluation import cascades, engine
from pointsman.control.evaluation.grid import Grid, Whole, relative, unit_of
from pointsman.control.evaluation.journal import Told
from pointsman.control.evaluation.lines import Ends
from pointsman.control.evaluation.parts import Drawn, divided, ends
from pointsman.control.evaluation.store import Store, digest
from pointsman.core.errors import BadRequest
from pointsman.decision.prediction.embedding import Embedder, embedder_of
from pointsman.decision.prediction.fit import update
from pointsman.decision.prediction.parameters import Parameters, decode, encode
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Prompt
from pointsman.storage.learned import LearnedFolder

_NOW: Final = "fitted"
_FIRST: Final = "fitted_first"


class Fitted(Struct, frozen=True, kw_only=True):
    """
    `unit` is the mean cost of the dearest model, in the unit of the table: relative costs are in it; None where no cost is known.

    `seen` are the prompts that were learned from, by their digests; `labels` how many of them were drawn as `drawn` says. `feedback` counts what was told
    since. `together` is how much the two ends succeed together. `embedder` is who looks at prompts, None where words are hashed; it is not kept, but found
    again by the parameters.
    """

    models: tuple[str, ...]
    weak: str
    strong: str
    unit: float | None
    drawn: Drawn
    labels: int
    feedback: int = 0
    together: float = 0.0
    seen: frozenset[bytes]
    parameters: bytes
    embedder: Embedder | None = None

    @property
    def predictor(self) -> Predictor:
        """What predicts by the parameters."""
        return Predictor(self.learned, embedder=self.embedder)

    @property
    def learned(self) -> Parameters:
        """The parameters."""
        return decode(self.parameters)

    @property
    def ends(self) -> Ends:
        """The two ends, by their columns among `models`."""
        return Ends(weak=self.models.index(self.weak), strong=self.models.index(self.strong))


def fitted(grid: Grid, drawn: Drawn, *, embedder: Embedder | None = None) -> Fitted:
    """Learn from drawn prompts, as the embedder looks at them. Raises `BadRequest` where there are none."""
    rows, _ = divided(grid, drawn)
    return of_rows(grid, rows, drawn=drawn, embedder=embedder)


def of_rows(grid: Grid, rows: Whole, *, drawn: Drawn, embedder: Embedder | None = None) -> Fitted:
    """Learn from these rows."""
    known = grid.at(rows)
    spent, mean, has_costs = relative(known)
    two = ends(known.score, mean)
    parameters = engine.learned(known, np.arange(len(rows)), spent=spent, seed=drawn.seed, embedder=embedder)
    correlation = 0.0
    if two.weak != two.strong and cascades.has_answers(known, two.weak):
        crossed = engine.crossed(known, spent=spent, seed=drawn.seed, embedder=embedder)
        correlation = cascades.together(known.score, crossed, ends=two)
        parameters = msgspec.structs.replace(parameters, verifiers=cascades.verifiers(known, crossed, ends=two, seed=drawn.seed))
    return Fitted(
        models=grid.models,
        weak=grid.models[two.weak],
        strong=grid.models[two.strong],
        unit=unit_of(known) if has_costs else None,
        drawn=drawn,
        labels=len(rows),
        together=correlation,
        seen=frozenset(digest(text, capability) for text, capability in zip(known.prompts, known.capabilities, strict=True)),
        parameters=encode(parameters),
        embedder=embedder,
    )


def taught(value: Fitted, told: Sequence[Told]) -> Fitted:
    """Return it after feedback. A model that it did not know is one more to choose from."""
    labels = [
        engine.label(
            Prompt(text=one.prompt, capability=one.capability),
            one.model,
            score=one.score,
            cost=None if one.cost is None or value.unit is None else one.cost / value.unit,
        )
        for one in told
    ]
    if not labels:
        return value
    return msgspec.structs.replace(
        value,
        models=tuple(dict.fromkeys([*value.models, *(one.model for one in told)])),
        feedback=value.feedback + len(told),
        seen=value.seen | {digest(one.prompt, one.capability) for one in told},
        parameters=encode(update(value.learned, labels, embedder=value.embedder)),
    )


def begin(store: Store, value: Fitted) -> None:
    """Keep what was fitted in the store, in the place of what was learned before."""
    store.remember(_FIRST, _bytes(value))
    keep(store, value)


def keep(store: Store, value: Fitted) -> None:
    """Keep what was fitted and has learned since."""
    store.remember(_NOW, _bytes(value))


def kept(store: Store, *, is_first: bool = False) -> Fitted:
    """Return what is kept; `is_first` as it was before any feedback. Raises `BadRequest` where nothing was learned yet, `TableLost`."""
    found = store.remembered(_FIRST if is_first else _NOW)
    if found is None:
        raise BadRequest("Nothing is learned yet. Run `pointsman router fit` first.")
    value = msgspec.msgpack.decode(found, type=Fitted)
    return msgspec.structs.replace(value, embedder=embedder_of(value.learned.table, read=LearnedFolder(store.folder).table))


def _bytes(value: Fitted) -> bytes:
    return msgspec.msgpack.encode(msgspec.structs.replace(value, embedder=None))
