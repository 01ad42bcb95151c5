"""
How alike two prompts are, and what a prompt is in terms of some that stand for all: Nyström's approximation of a Gaussian kernel.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct

from pointsman.decision.prediction.embedding import EDGE, FEATURES, SURFACE
from pointsman.decision.prediction.table import WIDTH

Array = Any

_LINALG: Final[Any] = np.linalg

_BLOCKS: Final = ((0, WIDTH, 1.0), (WIDTH, WIDTH + EDGE, 0.7), (WIDTH + EDGE, WIDTH + 2 * EDGE, 0.7))
_SURFACE_WEIGHT: Final = 0.2
_WIDEST: Final = 3.0  # standard deviations of a mark of the surface that count
_NARROW: Final = 0.055  # of the median squared distance
_JITTER: Final = 1e-4
_ROUNDS: Final = 6


class Scale(Struct, frozen=True, kw_only=True, array_like=True):
    """What prompts are on average: float32 bytes of the mean and of the standard deviation of each number."""

    mean: bytes
    spread: bytes


class Shape(Struct, frozen=True, kw_only=True, array_like=True):
    """
    A kernel: the average prompt, the squared width, and the landmarks as float16 bytes of shape (landmarks, `FEATURES`).

    `linear` is how much the marks of the surface count beside it, as they are: what is longer than all that was seen is at least long. A likeness to the
    power of `sharpness` is that of a kernel so narrow that only what is nearly the same is alike.
    """

    scale: Scale
    width: float
    landmarks: bytes
    linear: float = 0.0
    sharpness: float = 1.0


class Kernel:
    """The kernel of a shape: features, (landmarks + `SURFACE`) of them. The squares of the first sum up to 1 at most, and to less the stranger a prompt."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._scaler = Scaler(shape.scale)
        self._marks = np.frombuffer(shape.landmarks, np.float16).reshape(-1, FEATURES).astype(np.float32)
        self._doubled = np.ascontiguousarray(self._marks * np.float32(2 / shape.width))
        self._lengths = (self._marks**2).sum(axis=1) / np.float32(shape.width)
        self._straight = np.float32(np.sqrt(shape.linear / SURFACE) / _SURFACE_WEIGHT)
        own: Array = self._of(self._marks).astype(np.float64)
        root: Array = _LINALG.cholesky(own + _JITTER * np.eye(len(own)))
        self.basis: Array = np.ascontiguousarray(_LINALG.inv(root).T.astype(np.float32))

    def features(self, numbers: Array) -> Array:
        """Return the features, (prompts, features) or (features,), of numbers as the embedder gives them."""
        alike, surface = self.parts(numbers)
        return np.concatenate((alike @ self.basis, surface), axis=-1)

    def parts(self, numbers: Array) -> tuple[Array, Array]:
        """Return how alike prompts and landmarks are, which times `basis` are the first features, and the other features."""
        placed = self._scaler(numbers)
        return self._of(placed), placed[..., FEATURES - SURFACE :] * self._straight

    def length(self, numbers: Array) -> Array:
        """Return how long prompts are, in standard deviations."""
        return self._scaler.length(numbers)

    def _of(self, placed: Array) -> Array:
        lengths = (placed**2).sum(axis=-1, keepdims=True) / np.float32(self.shape.width)
        return np.exp(np.minimum(placed @ self._doubled.T - self._lengths - lengths, 0))


class Scaler:
    """Puts numbers of an embedder on one scale: meanings of length 1 about the average prompt, marks of the surface in standard deviations."""

    def __init__(self, scale: Scale) -> None:
        self._mean = np.frombuffer(scale.mean, np.float32)
        self._spread = np.frombuffer(scale.spread, np.float32)

    def length(self, numbers: Array) -> Array:
        """Return the first mark of the surface, the logarithm of a prompt's length, in standard deviations."""
        at = FEATURES - SURFACE
        return np.minimum(np.maximum((numbers[..., at] - self._mean[at]) / self._spread[at], -_WIDEST), _WIDEST)

    def __call__(self, numbers: Array) -> Array:
        """Return numbers of shape (…, `FEATURES`) on that scale."""
        found = numbers - self._mean
        for first, last, weight in _BLOCKS:
            part = found[..., first:last]
            part *= weight / (np.sqrt((part * part).sum(axis=-1, keepdims=True)) + np.float32(1e-6))
        surface = found[..., FEATURES - SURFACE :]
        surface /= self._spread[FEATURES - SURFACE :]
        np.minimum(np.maximum(surface, -_WIDEST, out=surface), _WIDEST, out=surface)
        surface *= _SURFACE_WEIGHT
        return found


def shapes(numbers: Array, *, most: int, kinds: Sequence[tuple[float, float]], seed: int) -> list[Shape]:
    """
    Return a kernel of each kind: a factor of the median squared distance, and how much the surface counts beside it.

    The landmarks are means of the prompts nearest to them (k-means).
    """
    rng = np.random.default_rng(seed)
    scale = Scale(mean=numbers.mean(axis=0).astype(np.float32).tobytes(), spread=(numbers.std(axis=0) + 1e-3).astype(np.float32).tobytes())
    placed = Scaler(scale)(numbers)
    marks = placed[rng.permutation(len(placed))[:most]].copy()
    for _ in range(_ROUNDS if len(placed) > most else 0):
        nearest = np.argmax(placed @ marks.T - (marks**2).sum(axis=1) / 2, axis=1)
        counts = np.bincount(nearest, minlength=len(marks))
        order = np.argsort(nearest, kind="stable")
        starts = np.concatenate(([0], np.cumsum(counts)))[:-1]
        full = counts > 0
        marks[full] = np.add.reduceat(placed[order], starts[full], axis=0) / counts[full, None]
    some = placed[rng.permutation(len(placed))[:400]]
    middle = float(np.median(np.maximum(0, (some**2).sum(axis=1)[:, None] + (some**2).sum(axis=1) - 2 * some @ some.T))) or 1.0
    kept = marks.astype(np.float16).tobytes()
    return [Shape(scale=scale, width=middle * factor, landmarks=kept, linear=linear, sharpness=factor / _NARROW) for factor, linear in kinds]
