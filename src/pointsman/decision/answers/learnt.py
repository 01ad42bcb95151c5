"""
What a verifier learned, as one value that can be kept: bytes in, bytes out. Arrays are 32-bit floats and 16-bit counts in the machine-independent order.
"""

from typing import Final

import msgspec
from msgspec import Struct

VERSION: Final = 1


class Learnt(Struct, frozen=True, kw_only=True, array_like=True):
    """
    The numbers of one capability's verifier.

    `columns` are the names of the dense inputs; each is centred by `mean`, scaled by `scale`, and 0 where it was not seen. `slope` weighs them, `words` the
    hashed words; `doubt` is the covariance of the slopes, as a lower triangle's square. `feature`, `cut` (three a tree: root, left, right) and `leaf` (four a
    tree) are small trees. `blend` is what the two and the prior are put together by; `knots` (x, y) is the last correction, none where labels are few.
    `onward` is an encoded value like this one, of what `next_target` makes of the prompt whose answer is looked at; empty where that was not learned. A target
    without a name is whoever the labels were of.
    """

    version: int = VERSION
    labels: float = 0.0
    strength: float = 0.5
    together: float | None = None
    columns: tuple[str, ...] = ()
    mean: bytes = b""
    scale: bytes = b""
    slope: bytes = b""
    words: bytes = b""
    doubt: bytes = b""
    feature: bytes = b""
    cut: bytes = b""
    leaf: bytes = b""
    blend: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 0.0)
    knots: tuple[tuple[float, float], ...] = ()
    onward: bytes = b""
    next_target: str = ""


def encode(learnt: Learnt) -> bytes:
    """Return the value as bytes."""
    return msgspec.msgpack.encode(learnt)


def decode(kept: bytes) -> Learnt | None:
    """Return the value, or None if there is none or another version wrote it: then nothing was learned."""
    if not kept:
        return None
    try:
        learnt = msgspec.msgpack.decode(kept, type=Learnt)
    except msgspec.DecodeError:
        return None
    return learnt if learnt.version == VERSION else None
