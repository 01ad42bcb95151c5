"""
What the simulated vendor is like, as data: its models, how fast and how able they are, and chance that can be repeated.

Nothing here is a measurement of a real model.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final

_SCALE: Final = 2**64


class Difficulty(IntEnum):
    """How hard a task is."""

    EASY = 0
    MEDIUM = 1
    HARD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """
    One simulated model.

    `skill` is the probability of a right answer by difficulty. `candour` is the probability that a wrong answer is given with low
    confidence; a model without it is sure of everything.
    """

    name: str
    first_token_s: float
    tokens_per_s: float
    skill: Mapping[Difficulty, float]
    candour: float
    context_tokens: int


def _skill(easy: float, medium: float, *, hard: float) -> Mapping[Difficulty, float]:
    return MappingProxyType({Difficulty.EASY: easy, Difficulty.MEDIUM: medium, Difficulty.HARD: hard})


MODELS: Final = (
    Model(name="sim-frontier", first_token_s=0.70, tokens_per_s=60, skill=_skill(0.998, 0.99, hard=0.95), candour=0.0, context_tokens=200_000),
    Model(name="sim-mid", first_token_s=0.35, tokens_per_s=120, skill=_skill(0.985, 0.95, hard=0.55), candour=0.9, context_tokens=128_000),
    Model(name="sim-small", first_token_s=0.12, tokens_per_s=90, skill=_skill(0.998, 0.90, hard=0.25), candour=0.9, context_tokens=16_000),
    Model(name="sim-tiny", first_token_s=0.05, tokens_per_s=180, skill=_skill(0.55, 0.30, hard=0.10), candour=0.2, context_tokens=8_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """
    How one simulated vendor behaves. `speed` divides every delay; `credential` None accepts any that is not empty. `pause` waits so many seconds.

    The same seed, model and prompt always give the same answer.
    """

    models: tuple[Model, ...] = MODELS
    seed: int = 0
    speed: float = 1.0
    credential: str | None = None
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    def model(self, name: str) -> Model | None:
        """Return a model by its name."""
        return next((model for model in self.models if model.name == name), None)

    def chance(self, *about: str) -> float:
        """Return a number in [0, 1) that looks random and is the same for the same words."""
        told = hashlib.sha256("\x1f".join((str(self.seed), *about)).encode()).digest()
        return int.from_bytes(told[:8]) / _SCALE
