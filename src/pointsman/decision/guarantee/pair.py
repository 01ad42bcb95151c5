"""
A prompt that both the incumbent and another target answered: what a promise is proven by. A value only, without arrays: the gateway reads it too.
"""

from msgspec import Struct


class Pair(Struct, frozen=True, kw_only=True):
    """
    A prompt that both answered. `advantage` is what was predicted for the preferred target, `loss` the incumbent's score less its score (-1..1).

    `weight` (0..1] is the least probability with which a pair was drawn divided by that of this one. `key` names it, `at_ms` is when it was.
    """

    advantage: float
    loss: float
    weight: float = 1.0
    key: str = ""
    at_ms: int = 0
