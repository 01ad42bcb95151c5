"""
What is promised for a capability: a certificate, and what has been seen of the traffic since. Values, their bytes, and the rule they are about.

A certificate is about one rule: of the targets it covers the one that `preferred` names answers, if its advantage is at least `threshold`; otherwise the
incumbent does. Any other rule, with the same figures, is not covered.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import Struct

from pointsman.decision.prediction.parameters import Parameters

Source = Literal["shadows", "evaluation"]
_SHAPE: Final = 1


class Certificate(Struct, frozen=True, kw_only=True):
    """
    With probability at least `sure` over the draw of its pairs, the rule's expected quality loss against `incumbent` is at most `loss`.

    Quality is 0..1, an advantage (predicted quality of a target less that of the incumbent) -1..1. `lean` adds to the advantage of a target when several
    are compared: what its lower price is worth. `mean` is the loss seen on the `pairs`, `bound` its upper bound with probability `sure`, of which
    `pairs_elsewhere` would have left the incumbent: `share_elsewhere` of the traffic. The pairs are of `from_ms` to `until_ms`, come from `source`, and their
    digest is `data`. `parameters` is the digest of what predicted the advantages, `edges` are quantiles of these and
    `seen` what weighs between them, by which drift is noticed.
    """

    capability: str
    incumbent: str
    targets: tuple[str, ...]
    threshold: float
    loss: float
    sure: float
    pairs: int
    pairs_elsewhere: int
    share_elsewhere: float
    mean: float
    bound: float
    source: Source
    data: str
    from_ms: int
    until_ms: int
    made_ms: int
    lapses_ms: int
    parameters: str
    lean: Mapping[str, float] = {}
    edges: tuple[float, ...] = ()
    seen: tuple[float, ...] = ()


class Drift(Struct, frozen=True, kw_only=True):
    """
    What was seen of the traffic since a certificate was made. `alarm` is why the gate is closed, empty while it is open.

    `counts` are advantages by bin of the certificate's edges, `scores` the wealth of bets that their distribution moved, `losses` that of bets that the loss
    is above the promise. A wealth of 1/α is an alarm that is false with probability α at most, however long one watches (Ville).
    `last_call` and `last_pair_ms` tell how far the traffic was looked at.
    """

    counts: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()
    calls: int = 0
    pairs: int = 0
    last_call: str = ""
    last_pair_ms: int = 0
    alarm: str = ""
    alarm_ms: int | None = None


class Example(Struct, frozen=True, array_like=True):
    """A prompt of an evaluation, as what is looked at in it, with the scores of those that answered it."""

    key: str
    features: bytes
    scores: Mapping[str, float]
    at_ms: int


class Standing(Struct, frozen=True, kw_only=True):
    """
    A certificate and its drift: what is kept of a capability among the parameters.

    `examples` are what an evaluation proved it by: with them it is proven anew, for what predicts after more was learned.
    """

    certificate: Certificate
    drift: Drift = Drift()
    examples: tuple[Example, ...] = ()


class _Kept(Struct, frozen=True, kw_only=True):
    shape: int
    standing: Standing


def encode(standing: Standing) -> bytes:
    """Return a standing as bytes, for `Parameters.certificates`."""
    return msgspec.msgpack.encode(_Kept(shape=_SHAPE, standing=standing))


def decode(kept: bytes) -> Standing | None:
    """Return the standing; None where bytes were written by another version: then nothing is promised. Raises nothing."""
    try:
        found = msgspec.msgpack.decode(kept, type=_Kept)
    except msgspec.DecodeError:
        return None
    return found.standing if found.shape == _SHAPE else None


def predicting(parameters: Parameters) -> str:
    """Return the name of what predicts: the same whatever is promised about it, or else no promise could be kept among the parameters. Hashes all of it."""
    return msgspec.structs.replace(parameters, certificates={}, verifiers={}).digest


def preferred(targets: tuple[str, ...], advantages: Mapping[str, float], *, lean: Mapping[str, float]) -> str | None:
    """Return which of the targets the rule is about: that of the largest advantage and lean, the first of equals; None if none has an advantage."""
    known = [name for name in targets if name in advantages]
    return max(known, key=lambda name: advantages[name] + lean.get(name, 0.0), default=None)
