"""
The model of prompts: Bayesian linear regression of scores on the features of a kernel, all targets at once.

Kept are the sums that the regression rests on, not what follows from them: so a further label is added exactly, and old ones can be made to count less. A
target's scores are regressed as distances from its mean, so far from all that was seen each target is expected to be as good as it is on the whole.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from pointsman.decision.prediction.embedding import SURFACE
from pointsman.decision.prediction.errors import ParametersUnreadable
from pointsman.decision.prediction.kernel import Kernel, Shape
from pointsman.decision.prediction.strangeness import Crowd, strange

Array = Any

_LINALG: Final[Any] = np.linalg

SIZES: Final = ("cost_nano_usd", "tokens_out", "latency_s")
_LEAST: Final = 1e-9
_FAR: Final = 3.0  # a size is at most e³ times what the capability shows


class Model(Struct, frozen=True, kw_only=True, array_like=True):
    """
    Before anything is seen, a target's score is expected to be its `offsets`, plus its `leans` times the prompt's length in standard deviations: long
    prompts are hard, and harder for who is weak. `grams` are sums of the features' products, (m, m) each, as float32 bytes of one half; `gram_of` says which
    one a target has: those that were asked the same share one. `sums` (m, targets) are sums of features times the distance of a score from that.

    `ridge` is the prior precision, `noise` (targets, targets) the covariance of what prompts do not tell, `rank` how much of the noise is taken from what
    targets do not share. `crowd` tells where prompts were seen, and how far off the mean of strange ones is. `slopes` are what is believed of a prompt's
    distance from its capability's mean: of what targets have in common, and of what sets them apart. `centres` are capabilities' counts of prompts, mean
    length and mean features.

    `size_grams` and `size_sums` (m, 3) regress the logarithms of cost, tokens and seconds, as distances from what the capability showed; `size_spread` is
    the variance of what they say.
    """

    embedder: bytes
    shape: Shape
    ridge: float
    targets: tuple[str, ...]
    offsets: tuple[float, ...]
    leans: tuple[float, ...]
    grams: tuple[bytes, ...]
    gram_of: tuple[int, ...]
    sums: bytes
    counts: tuple[float, ...]
    noise: bytes
    rank: float
    crowd: Crowd
    slopes: tuple[float, float]
    centres: Mapping[str, tuple[float, float, bytes]]
    size_grams: tuple[bytes, ...]
    size_sums: bytes
    size_spread: tuple[float, ...]


_ENCODER: Final = msgspec.msgpack.Encoder(order="deterministic")
_DECODER: Final = msgspec.msgpack.Decoder(Model)


def packed(model: Model) -> bytes:
    """Return the model as msgpack."""
    return _ENCODER.encode(model)


def unpacked(data: bytes) -> Model:
    """Return what `packed` wrote. Raises `ParametersUnreadable` for anything else."""
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ParametersUnreadable(str(error)) from error


def upper(gram: Array) -> bytes:
    """Return a symmetric matrix as bytes: the half that says all."""
    return gram[np.triu_indices(len(gram))].astype(np.float32).tobytes()


def whole(half: bytes) -> Array:
    """Return the symmetric matrix of `upper`, float32."""
    numbers = np.frombuffer(half, np.float32)
    size = int((np.sqrt(8 * len(numbers) + 1) - 1) / 2)
    found = np.zeros((size, size), np.float32)
    found[np.triu_indices(size)] = numbers
    return found + np.triu(found, 1).T


def weights(grams: Sequence[Array], sums: Array, *, ridge: float) -> Array:
    """Return the posterior mean of the weights, (m, targets), for a gram matrix per target. Those that are the same object are solved once."""
    found = np.empty(sums.shape)
    for gram in {id(one): one for one in grams}.values():
        own = [column for column, one in enumerate(grams) if one is gram]
        found[:, own] = _LINALG.solve(gram + ridge * np.eye(len(gram)), sums[:, own].astype(np.float64))
    return found


def shared(found: Array, gram: Array, *, ridge: float, noise: float) -> Array:
    """
    Return the weights (m, targets) with what targets do not share drawn towards nothing: the best of many noisy guesses is too good to be true.

    In the units in which all directions are known equally well, a direction among the targets that is no longer than noise alone would be is left out, and
    the others are shortened accordingly (James and Stein). `noise` is the variance of a score, times how much of this is wanted.
    """
    if noise <= 0:
        return found
    precision: Array = gram + ridge * np.eye(len(gram))
    inverse: Array = _LINALG.inv(precision)
    root: Array = _LINALG.cholesky(precision)
    known = len(gram) - ridge * float(np.trace(inverse))
    turned: tuple[Array, Array, Array] = _LINALG.svd(root.T @ found, full_matrices=False)
    left, lengths, right = turned
    kept = np.maximum(0, 1 - noise * known / np.maximum(lengths**2, _LEAST))
    return inverse @ (root @ ((left * (lengths * kept)) @ right))


class Guess(Struct, frozen=True):
    """
    What the model says of a prompt: `quality` (targets) in no bounds, `share` (targets) how far that may be off as a share of the noise's variance, `novelty`
    how little it is like anything seen, 0..1. `sizes` (3) are factors on what the capability costs, writes and takes.
    """

    quality: Array
    share: Array
    novelty: float
    sizes: Array


class Regression:
    """The model, solved. Features are turned so that the precisions of all targets are diagonal, or nearly: one product serves them all."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.kernel = Kernel(model.shape)
        grams = [whole(half) for half in model.grams]
        size = len(grams[0])
        sums = np.frombuffer(model.sums, np.float32).reshape(size, -1)
        pooled = sum(grams[at] for at in model.gram_of) / np.float32(len(model.gram_of))
        _, turn = _LINALG.eigh(pooled)
        self.noise = np.frombuffer(model.noise, np.float64).reshape(len(model.targets), -1)
        found = shared(
            weights([grams[at] for at in model.gram_of], sums, ridge=model.ridge),
            pooled,
            ridge=model.ridge,
            noise=model.rank * float(np.diag(self.noise).mean()),
        )
        size_sums = np.frombuffer(model.size_sums, np.float32).reshape(size, -1)
        sizes = weights([whole(half) for half in model.size_grams], size_sums, ridge=model.ridge)
        self._turn = turn.astype(np.float32)
        self._turned = np.ascontiguousarray(self.kernel.basis @ self._turn[:-SURFACE])
        self._weights = np.ascontiguousarray((turn.T @ np.hstack([found, sizes])).astype(np.float32))
        precisions = [np.einsum("md,md->d", turn, gram @ turn) for gram in grams]
        self._inverse = np.array([1 / np.maximum(precisions[at] + model.ridge, model.ridge) for at in model.gram_of], np.float32).T.copy()
        self._offsets = np.array(model.offsets, np.float32)
        self._leans = np.array(model.leans, np.float32)
        self._crowd = np.frombuffer(model.crowd.counts, np.float32)
        self._spread = np.array(model.size_spread, np.float32) / 2
        self.variances: list[float] = np.diag(self.noise).tolist()
        deviation = np.sqrt(np.diag(self.noise))
        self.correlation = self.noise / np.outer(deviation, deviation)
        self.places = {target: place for place, target in enumerate(model.targets)}

    def guess(self, numbers: Array) -> Guess:
        """Return what is expected of a prompt's numbers."""
        alike, surface = self.kernel.parts(numbers)
        found = alike @ self._turned + surface @ self._turn[-SURFACE:]
        said = found @ self._weights
        targets = len(self._offsets)
        crowd = self.model.crowd
        novelty = float(strange(alike, self._crowd, kernel=self.kernel, usual=crowd.usual))
        unsure = (found * found) @ self._inverse
        return Guess(
            said[:targets] + self._offsets + self._leans * self.kernel.length(numbers),
            crowd.scale * novelty**crowd.power + unsure * novelty,
            novelty,
            np.exp(np.clip(said[targets:], -_FAR, _FAR) - self._spread),
        )

    def centre(self, capability: str) -> Array | None:
        """Return the quality that is expected of each target over the prompts of a capability, by their mean features; None where none was seen."""
        if capability not in self.model.centres:
            return None
        _, length, mean = self.model.centres[capability]
        targets = len(self._offsets)
        return np.frombuffer(mean, np.float32) @ self._turn @ self._weights[:, :targets] + self._offsets + self._leans * length
