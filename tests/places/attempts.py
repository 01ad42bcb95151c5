"""Attempts for tests of places: permission to run one call at one target."""

from typing import Any

from tests.values import a_call, a_capability, a_principal, a_target

from pointsman.core.attempt import Attempt
from pointsman.core.http import Deadlines
from pointsman.core.label import INTERNAL, Label
from pointsman.core.snapshot import CACHE_BIT, RULES_BIT
from pointsman.core.target import Target
from pointsman.core.verdict import Verdict

EVERYWHERE = (1 << RULES_BIT) | (1 << CACHE_BIT) | (0xFF << 2)


def an_attempt(text: str = "Where is my parcel?", *, target: Target | None = None, label: Label = INTERNAL, **more: Any) -> Attempt:
    whole: dict[str, Any] = {
        "call": a_call(text),
        "principal": a_principal(),
        "capability": a_capability(),
        "target": target or a_target(),
        "verdict": Verdict(label=label, mask=EVERYWHERE, snapshot="0123456789abcdef"),
        "deadlines": Deadlines(connect_s=20.0, first_byte_s=20.0, gap_s=20.0, total_s=20.0),
        **more,
    }
    return Attempt(**whole)
