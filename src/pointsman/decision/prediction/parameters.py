"""
Everything that was learned, as one frozen value: what capabilities showed, the model of prompts, and what the answers and the guarantee keep for themselves.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.decision.prediction.errors import ParametersUnreadable

VERSION: Final = 1


class Moments(Struct, frozen=True, array_like=True):
    """A weighted count, the sum and the sum of squares of something measured."""

    n: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def plus(self, other: "Moments") -> "Moments":
        """Return the moments of both together."""
        return Moments(self.n + other.n, self.total + other.total, self.squares + other.squares)

    def times(self, factor: float) -> "Moments":
        """Return the moments as if each measurement counted `factor` of what it did."""
        return Moments(self.n * factor, self.total * factor, self.squares * factor)

    @property
    def mean(self) -> float:
        """The mean, 0 of nothing."""
        return self.total / self.n if self.n > 0 else 0.0

    @property
    def spread(self) -> float:
        """The sum of squared distances from the mean."""
        return max(0.0, self.squares - self.total * self.mean)


class Cell(Struct, frozen=True, kw_only=True, array_like=True):
    """
    What one target showed in one capability: its scores, and the logarithms of cost in nano-dollars, of tokens and of seconds.

    `paid`, `wrote` and `took` are moments of ln(1 + x) for cost and tokens, and of ln x for seconds: sizes of answers are spread over powers of ten.
    """

    capability: str
    task: str
    target: str
    scores: Moments = Moments()
    paid: Moments = Moments()
    wrote: Moments = Moments()
    took: Moments = Moments()


class Parameters(Struct, frozen=True, kw_only=True):
    """
    All learned numbers. `cells` is what capabilities showed, `prompts` the encoded model of prompts (empty: there is none). `table` names the table of tokens
    by which prompts are looked at, empty where their words are hashed.

    `verifiers` and `certificates` belong to the answers and the guarantee: bytes by capability that nobody else reads.
    """

    version: int = VERSION
    cells: tuple[Cell, ...] = ()
    prompts: bytes = b""
    table: str = ""
    verifiers: Mapping[str, bytes] = {}
    certificates: Mapping[str, bytes] = {}

    @property
    def digest(self) -> str:
        """The name of these numbers: equal numbers, equal names. Hashes all of it: keep what it returns."""
        return blake2b(encode(self), digest_size=16).hexdigest()


_ENCODER: Final = msgspec.msgpack.Encoder(order="deterministic")
_DECODER: Final = msgspec.msgpack.Decoder(Parameters)


def encode(parameters: Parameters) -> bytes:
    """Return the parameters as msgpack, the same bytes for the same numbers."""
    return _ENCODER.encode(parameters)


def decode(data: bytes) -> Parameters:
    """Return what `encode` wrote. Raises `ParametersUnreadable` for anything else."""
    try:
        parameters = _DECODER.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ParametersUnreadable(str(error)) from error
    if parameters.version != VERSION:
        raise ParametersUnreadable(f"they have the form {parameters.version}, this version reads {VERSION}")
    return parameters
