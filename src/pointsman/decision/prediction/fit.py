"""
From labels to parameters: anew, or from parameters that are in force.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from pointsman.decision.prediction.cells import Outlook, counted, distances
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.kernel import Kernel
from pointsman.decision.prediction.model import Model, packed, unpacked, upper, whole
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.strangeness import counted as where
from pointsman.decision.prediction.training import Seen, centres, gathered, trained
from pointsman.decision.prediction.values import Label

Array = Any


def fit(labels: Sequence[Label], *, embedder: Embedder | None = None, seed: int = 0) -> Parameters:
    """
    Return what the labels teach. `embedder` turns prompts into numbers (None: by hashing their words); `seed` decides what has to be drawn.

    Of fewer than forty judged prompts, only what capabilities show is learned. Takes some seconds for thousands of prompts.
    """
    embedder = Embedder() if embedder is None else embedder
    cells = counted((), labels)
    seen = gathered(labels, distances(Outlook(cells), labels), embedder=embedder)
    model = trained(seen, embedder=embedder, seed=seed)
    return Parameters(cells=cells, prompts=b"" if model is None else packed(model), table=embedder.table_name)


def update(parameters: Parameters, labels: Sequence[Label], *, embedder: Embedder | None = None, keep: float = 1.0) -> Parameters:
    """
    Return the parameters with further labels added to what they rest on, as if all had been seen at once; landmarks and priors stay as they are.

    What was known before counts `keep` of what it did: less than 1 forgets, for targets and traffic change. A target that the model of prompts does not know is
    learned by its capabilities only, until `fit` is asked again. With another `embedder` than the model of prompts was made with, that model learns nothing.
    """
    cells = [_faded(cell, keep) for cell in parameters.cells] if keep < 1 else parameters.cells
    prompts = parameters.prompts
    if prompts and labels:
        model, embedder = unpacked(prompts), Embedder() if embedder is None else embedder
        seen = gathered(labels, distances(Outlook(parameters.cells), labels), embedder=embedder)
        prompts = packed(_added(model, seen, keep=keep)) if len(seen.numbers) and model.embedder == embedder.name else prompts
    return replace(parameters, cells=counted(cells, labels), prompts=prompts)


def _faded(cell: Any, keep: float) -> Any:
    return replace(cell, scores=cell.scores.times(keep), paid=cell.paid.times(keep), wrote=cell.wrote.times(keep), took=cell.took.times(keep))


def _added(model: Model, seen: Seen, *, keep: float) -> Model:
    kernel = Kernel(model.shape)
    features, length = kernel.features(seen.numbers), kernel.length(seen.numbers)
    at = {target: place for place, target in enumerate(seen.targets)}
    columns = [at.get(target) for target in model.targets]
    none = np.zeros(len(seen.numbers))
    counts = np.array([none if column is None else seen.counts[:, column] for column in columns]).T
    scores = np.array([none if column is None else seen.scores[:, column] for column in columns]).T
    guess = np.array(model.offsets) + np.outer(length, model.leans)
    grams, gram_of = _regrown([model.grams[at] for at in model.gram_of], features, counts=counts, keep=keep)
    sizes, _ = _regrown(model.size_grams, features, counts=seen.size_counts, keep=keep, is_shared=False)
    return replace(
        model,
        grams=grams,
        gram_of=gram_of,
        sums=_plus(model.sums, features.T @ ((scores - guess) * counts), keep=keep),
        counts=tuple(keep * old + new for old, new in zip(model.counts, counts.sum(axis=0).tolist(), strict=True)),
        crowd=replace(model.crowd, counts=_plus(model.crowd.counts, where(kernel, kernel.parts(seen.numbers)[0]), keep=keep)),
        centres=_moved(model.centres, centres(features, length, capabilities=seen.capabilities), keep=keep),
        size_grams=sizes,
        size_sums=_plus(model.size_sums, features.T @ (seen.sizes * seen.size_counts), keep=keep),
    )


def _regrown(halves: Sequence[bytes], features: Array, *, counts: Array, keep: float, is_shared: bool = True) -> tuple[tuple[bytes, ...], tuple[int, ...]]:
    """Return the sums of products with the new prompts in them, and which one each column has. Columns that shared one and see the same share it again."""
    kinds: dict[tuple[bytes, bytes], int] = {}
    found: list[bytes] = []
    places: list[int] = []
    for place, (half, column) in enumerate(zip(halves, counts.T, strict=True)):
        kind = (half, column.tobytes() if is_shared else bytes([place]))
        if kind not in kinds:
            kinds[kind] = len(found)
            found.append(upper(keep * whole(half) + features.T @ (features * column[:, None].astype(np.float32))) if column.any() or keep < 1 else half)
        places.append(kinds[kind])
    return tuple(found), tuple(places)


def _plus(sums: bytes, more: Array, *, keep: float) -> bytes:
    return (keep * np.frombuffer(sums, np.float32).reshape(more.shape) + more).astype(np.float32).tobytes()


def _moved(
    old: Mapping[str, tuple[float, float, bytes]], new: Mapping[str, tuple[float, float, bytes]], *, keep: float
) -> dict[str, tuple[float, float, bytes]]:
    """Return the centres of capabilities with new prompts in them."""
    found = {name: (keep * count, length, mean) for name, (count, length, mean) in old.items()}
    for name, (count, length, mean) in new.items():
        before, was, middle = found.get(name, (0.0, 0.0, mean))
        share = count / (before + count)
        moved = (1 - share) * np.frombuffer(middle, np.float32) + share * np.frombuffer(mean, np.float32)
        found[name] = (before + count, (1 - share) * was + share * length, moved.astype(np.float32).tobytes())
    return found
