"""
A choice and what it was made under: the ladder for one call, each candidate as it was seen, and what must be known to go on from there. Values only.
"""

from collections.abc import Callable, Mapping

from msgspec import Struct

from pointsman.core.attempt import Grade
from pointsman.core.errors import PointsmanError
from pointsman.core.reply import Reply
from pointsman.core.routing import Weighed
from pointsman.core.target import Target

Doubts = Callable[[Grade, Reply], bool]
"""Tells of a good answer, with what speaks for it, whether the next rung is worth more."""


class Rung(Struct, frozen=True):
    """A target to try, and why it is tried in this place. The answer of a `checked` one is judged before it is given; `weighed` is how it was seen."""

    target: Target
    reason: str
    weighed: Weighed | None = None
    checked: bool = False


class Circumstances(Struct, frozen=True, kw_only=True):
    """
    What a choice depends on besides the call and its verdict.

    `criteria` are those of the request, as the header told them (name → number). `session` is the conversation, within `tenant`. `left_s` is what is left of
    the call's time, `chance` a random number in [0, 1), `now_ms` the time.
    """

    criteria: Mapping[str, float] = {}
    tenant: str = ""
    session: str | None = None
    left_s: float | None = None
    chance: float = 0.5
    now_ms: int = 0


class Choice(Struct, frozen=True):
    """
    The ladder for one call, best first; `considered` lists what spoke against a target, with a reason code each.

    Without a rung there is a `refusal`: what the caller is told. `weighed` are all candidates, as they were seen with the parameters named `learned`.
    `mode` and `propensity` tell how the first rung was chosen, `features` what of the prompt was looked at (base64). `thought` is what the chooser itself
    needs to go on; it is nobody else's.
    """

    rungs: tuple[Rung, ...]
    considered: tuple[tuple[str, str], ...]
    refusal: PointsmanError | None = None
    weighed: tuple[Weighed, ...] = ()
    mode: str = "policy"
    propensity: float = 1.0
    learned: str = ""
    features: str | None = None
    thought: object | None = None
