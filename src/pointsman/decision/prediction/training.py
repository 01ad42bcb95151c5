"""
A model of prompts from labels: which prompts, which kernel and how strong a prior, by what predicts labels best that were left out.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct

from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.kernel import Kernel, Shape, shapes
from pointsman.decision.prediction.model import SIZES, Model, shared, upper, weights
from pointsman.decision.prediction.strangeness import Crowd, measured, off, regions_of
from pointsman.decision.prediction.values import Label

Array = Any

_LINEAR: Final[Any] = np.linalg  # whose types are not told

LANDMARKS: Final = 512
_LEAST_PROMPTS: Final = 40
_FOLDS: Final = 4
_KINDS: Final = ((0.12, 0.0), (0.25, 0.0), (0.5, 0.0), (0.25, 0.3), (1.0, 0.3))  # the width of the kernel, and how much the surface counts beside it
_RIDGES: Final = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_RANKS: Final = (0.0, 0.3, 1.0)
_LEAST_NOISE: Final = 1e-3
_LEAN: Final = 0.2
_DOUBT: Final = 0.5  # standard errors within which two priors are as good as each other
_TO_MEAN: Final = 5.0  # scores that the mean over all targets is worth in a target's own mean
_FEW: Final = 4  # prompts of a capability from which a slope within it is told


class Seen(Struct, frozen=True):
    """
    Labels as arrays: `numbers` (prompts, features), `capabilities` (prompts), `targets`; `scores` and `counts` (prompts, targets) with a count of 0 for what is
    not known; `sizes` and `size_counts` (prompts, 3).
    """

    numbers: Array
    capabilities: tuple[str, ...]
    targets: tuple[str, ...]
    scores: Array
    counts: Array
    sizes: Array
    size_counts: Array


def gathered(labels: Sequence[Label], distances: Sequence[tuple[float | None, ...]], *, embedder: Embedder) -> Seen:
    """Return labels as arrays. `distances` are the logarithms of each label's sizes, less what was expected. Prompts that cannot be read are left out."""
    found: dict[str | bytes, Array | None] = {}
    places: dict[tuple[str | bytes, str], int] = {}
    numbers: list[Array] = []
    targets = {target: place for place, target in enumerate(sorted({label.target for label in labels}))}
    kept: list[tuple[int, int, Label, tuple[float | None, ...]]] = []
    for label, sizes in zip(labels, distances, strict=True):
        text, capability = label.prompt.text, label.prompt.capability
        if text not in found:
            found[text] = embedder.numbers(embedder.features(text)) if text else None
        read = found[text]
        if read is None:
            continue
        if (text, capability) not in places:
            places[text, capability] = len(numbers)
            numbers.append(read)
        kept.append((places[text, capability], targets[label.target], label, sizes))
    scores, counts = np.zeros((len(numbers), len(targets))), np.zeros((len(numbers), len(targets)))
    lengths, length_counts = np.zeros((len(numbers), len(SIZES))), np.zeros((len(numbers), len(SIZES)))
    for row, column, label, sizes in kept:
        if label.score is not None:
            scores[row, column] += label.weight * label.score
            counts[row, column] += label.weight
        for at, size in enumerate(sizes):
            if size is not None:
                lengths[row, at] += size
                length_counts[row, at] += 1
    return Seen(
        np.array(numbers).reshape(len(numbers), -1 if numbers else 0),
        tuple(capability for _, capability in places),
        tuple(targets),
        scores / np.maximum(counts, 1e-12),
        counts,
        lengths / np.maximum(length_counts, 1),
        length_counts,
    )


def trained(seen: Seen, *, embedder: Embedder, seed: int) -> Model | None:
    """Return the model of what was seen; None of too few prompts, of which nothing but their capabilities can be learned."""
    judged = np.flatnonzero(seen.counts.sum(axis=1) > 0)
    if len(judged) < _LEAST_PROMPTS:
        return None
    offsets, leans = _first(seen)
    parts = np.random.default_rng(seed).permutation(len(seen.numbers)) % _FOLDS
    tried: list[tuple[Array, Shape, float, Array]] = []
    for shape in shapes(seen.numbers[judged], most=LANDMARKS, kinds=_KINDS, seed=seed):
        kernel = Kernel(shape)
        guess = offsets + np.outer(kernel.length(seen.numbers), leans)
        tried += [(_wrong(seen, said), shape, ridge, said) for ridge, said in _left_out(seen, kernel.features(seen.numbers), guess=guess, parts=parts)]
    _, shape, ridge, said = _simplest(tried)
    noise = _noise(seen, said)
    kernel = Kernel(shape)
    features, length = kernel.features(seen.numbers), kernel.length(seen.numbers)
    guess = offsets + np.outer(length, leans)
    grams, gram_of = _grams(features, seen.counts)
    size_grams, size_of = _grams(features, seen.size_counts)
    size_sums = features.T @ (seen.sizes * seen.size_counts)
    size_weights = weights([size_grams[at] for at in size_of], size_sums, ridge=ridge)
    return Model(
        embedder=embedder.name,
        shape=shape,
        ridge=ridge,
        targets=seen.targets,
        offsets=tuple(offsets.tolist()),
        leans=tuple(leans.tolist()),
        grams=tuple(upper(gram) for gram in grams),
        gram_of=gram_of,
        sums=(features.T @ ((seen.scores - guess) * seen.counts)).astype(np.float32).tobytes(),
        counts=tuple(seen.counts.sum(axis=0).tolist()),
        noise=noise.tobytes(),
        rank=_rank(seen, features, guess=guess, parts=parts, prior=(ridge, float(np.diag(noise).mean()))),
        crowd=_crowd(seen, kernel, guess=guess, said=said, split=(parts, ridge)),
        slopes=_slopes(seen, said),
        centres=centres(features, length, capabilities=seen.capabilities),
        size_grams=tuple(upper(size_grams[at]) for at in size_of),
        size_sums=size_sums.astype(np.float32).tobytes(),
        size_spread=tuple((features @ size_weights).var(axis=0).tolist()),
    )


def centres(features: Array, length: Array, *, capabilities: Sequence[str]) -> dict[str, tuple[float, float, bytes]]:
    """Return of each named capability the count of prompts, their mean length and their mean features, as float32 bytes."""
    found: dict[str, tuple[float, float, bytes]] = {}
    names = np.array(capabilities)
    for name in sorted(set(capabilities) - {""}):
        own = names == name
        found[name] = (float(own.sum()), float(length[own].mean()), features[own].mean(axis=0).astype(np.float32).tobytes())
    return found


def _first(seen: Seen) -> tuple[Array, Array]:
    """Return the mean score of each target, drawn a little towards that of all, and what it loses with length: the more, the weaker it is."""
    counts, totals = seen.counts.sum(axis=0), (seen.counts * seen.scores).sum(axis=0)
    means = (totals + _TO_MEAN * totals.sum() / counts.sum()) / (counts + _TO_MEAN)
    return means, _LEAN * (means / max(means.max(), _LEAST_NOISE) - 1)


def _simplest(tried: Sequence[tuple[Array, Shape, float, Array]]) -> tuple[Array, Shape, float, Array]:
    """Return the strongest prior among those whose errors cannot be told from the least: with few labels, the least is mostly luck."""
    best = min(tried, key=lambda one: float(one[0].mean()))

    def is_as_good(one: tuple[Array, Shape, float, Array]) -> bool:
        more = one[0] - best[0]
        return float(more.mean()) <= _DOUBT * float(more.std()) / np.sqrt(len(more))

    return max(filter(is_as_good, tried), key=lambda one: (one[2], -float(one[0].mean())))


def _grams(features: Array, counts: Array) -> tuple[list[Array], tuple[int, ...]]:
    """Return the sums of products, one for all columns that count the same prompts, and which one each column has."""
    kinds: dict[bytes, int] = {}
    found: list[Array] = []
    for column in counts.T:
        if column.tobytes() not in kinds:
            kinds[column.tobytes()] = len(found)
            found.append(features.T @ (features * column[:, None].astype(np.float32)))
    return found, tuple(kinds[column.tobytes()] for column in counts.T)


def _left_out(seen: Seen, features: Array, *, guess: Array, parts: Array, ridges: Sequence[float] = _RIDGES, noise: float = 0.0) -> list[tuple[float, Array]]:
    """Return for each prior what is predicted of each prompt (prompts, targets) by those of the other parts."""
    said = [np.empty(seen.scores.shape) for _ in ridges]
    pieces = [_grams(features[parts == part], seen.counts[parts == part]) for part in range(_FOLDS)]
    sums = [features[parts == part].T @ ((seen.scores - guess) * seen.counts)[parts == part] for part in range(_FOLDS)]
    for part in range(_FOLDS):
        others = [at for at in range(_FOLDS) if at != part]
        kinds: dict[tuple[int, ...], Array] = {}
        grams: list[Array] = []
        for column in range(len(seen.targets)):
            kind = tuple(pieces[at][1][column] for at in others)
            if kind not in kinds:
                kinds[kind] = sum(pieces[at][0][which] for at, which in zip(others, kind, strict=True))
            grams.append(kinds[kind])
        total = sum(sums[at] for at in others)
        for at, ridge in enumerate(ridges):
            found = weights(grams, total, ridge=ridge)
            if noise:
                found = shared(found, sum(grams) / len(grams), ridge=ridge, noise=noise)
            said[at][parts == part] = features[parts == part] @ found + guess[parts == part]
    return list(zip(ridges, said, strict=True))


def _wrong(seen: Seen, said: Array) -> Array:
    """Return the squared error of each judged prompt, half of it of what sets targets apart where several answered: that is what a choice rests on."""
    errors = said - seen.scores
    total = seen.counts.sum(axis=1)
    found = (seen.counts * (errors**2 + _apart(errors, seen.counts) ** 2)).sum(axis=1)
    return found[total > 0] / total[total > 0].mean()


def _apart(values: Array, counts: Array) -> Array:
    return values - ((counts * values).sum(axis=1) / np.maximum(counts.sum(axis=1), 1e-12))[:, None]


def _rank(seen: Seen, features: Array, *, guess: Array, parts: Array, prior: tuple[float, float]) -> float:
    """Return how much of what targets do not share is best left out. `prior` is the ridge and the noise."""
    ridge, noise = prior
    tried = [(_left_out(seen, features, guess=guess, parts=parts, ridges=(ridge,), noise=rank * noise)[0][1], rank) for rank in _RANKS]
    return min((float(_wrong(seen, said).mean()), rank) for said, rank in tried)[1]


def _crowd(seen: Seen, kernel: Kernel, *, guess: Array, said: Array, split: tuple[Array, float]) -> Crowd:
    """
    Return where prompts were seen, and how far to trust what is said elsewhere: what sets targets apart is predicted for regions of which nothing was learned.

    `split` is the parts that `said` was predicted in, and the ridge.
    """
    parts, ridge = split
    regions = regions_of(seen.numbers)
    strange = _left_out(seen, kernel.features(seen.numbers), guess=guess, parts=regions % _FOLDS, ridges=(ridge,))[0][1]
    found = [off(_apart(seen.scores - one, seen.counts), seen.counts, regions=regions) for one in (said, strange)]
    return measured(kernel, seen.numbers, off=(found[0], found[1]), parts=(parts, regions % _FOLDS))


def _noise(seen: Seen, said: Array) -> Array:
    """Return the covariance of what is left of scores, from the prompts that two targets both answered; nothing is known of targets that never met."""
    known = np.sqrt(seen.counts)
    left = (seen.scores - said) * known
    together = known.T @ known
    found = left.T @ left / np.maximum(together, 1)
    own = np.maximum(np.diag(found), _LEAST_NOISE)
    own = (np.diag(together) * own + _TO_MEAN * own.mean()) / (np.diag(together) + _TO_MEAN)
    scale = np.sqrt(np.outer(own, own))
    alike = np.clip(found / scale, 0, 0.95) * together / (together + _TO_MEAN)
    np.fill_diagonal(alike, 1.0)
    values, turn = _LINEAR.eigh(alike)
    alike = (turn * np.maximum(values, 1e-3)) @ turn.T
    return alike * scale


def _slopes(seen: Seen, said: Array) -> tuple[float, float]:
    """Return how much of a prompt's distance from its capability's mean is to be believed: of what targets share, and of what sets them apart."""
    told, true = np.zeros_like(said), np.zeros_like(said)
    names = np.array(seen.capabilities)
    for name in set(seen.capabilities) - {""}:
        own = names == name
        if own.sum() >= _FEW:
            counts = seen.counts[own]
            total = np.maximum(counts.sum(axis=0), 1e-12)
            told[own] = said[own] - (counts * said[own]).sum(axis=0) / total
            true[own] = seen.scores[own] - (counts * seen.scores[own]).sum(axis=0) / total
    told_apart, true_apart = _apart(told, seen.counts), _apart(true, seen.counts)
    return _slope(told - told_apart, true - true_apart, counts=seen.counts), _slope(told_apart, true_apart, counts=seen.counts)


def _slope(told: Array, true: Array, *, counts: Array) -> float:
    return float(np.clip((counts * told * true).sum() / max((counts * told * told).sum(), 1e-9), 0, 1))
