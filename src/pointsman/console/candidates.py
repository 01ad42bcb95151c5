"""
The candidates of a choice by value as rows of a table: what was expected of each, with which probability it was to be tried, and why it was not.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from pointsman.console.sentences import against, why_not
from pointsman.core.routing import Weighed


class Seen(Struct, frozen=True, kw_only=True):
    """
    One candidate. `weighed` is None for one that was left out before anything was predicted of it; `says` then tells why.

    `tone` is `good` for the one that was chosen, `bad` for one that a rule keeps out, else `plain`.
    """

    target: str
    says: str
    tone: str = "plain"
    weighed: Weighed | None = None


def seen(weighed: Sequence[Weighed], *, chosen: str | None, vetoes: Mapping[str, str]) -> list[Seen]:
    """Return the rows: the chosen one first, then what was weighed, the worthiest first, then what was left out, with its code."""
    ranked = sorted(weighed, key=lambda one: (one.target != chosen, -one.value_nano_usd))
    rows = [_weighed(one, is_chosen=one.target == chosen) for one in ranked]
    known = {one.target for one in weighed}
    return rows + [Seen(target=name, says=against(code), tone="bad") for name, code in vetoes.items() if name not in known]


def _weighed(one: Weighed, *, is_chosen: bool) -> Seen:
    says = "" if is_chosen and not one.reason else why_not(one.reason)
    return Seen(target=one.target, says=says, tone="good" if is_chosen else "plain", weighed=one)
