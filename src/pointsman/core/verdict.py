"""
What governance decided about one call: where it may go, and under which obligations.
"""

from dataclasses import dataclass
from enum import StrEnum

from pointsman.core.place import DataClass
from pointsman.core.target import Target


class Obligation(StrEnum):
    """Something that must be done, or not done, with the data of a call."""

    NO_CACHE = "no_cache"
    NO_CONTENT_LOG = "no_content_log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a target is in or out: a stable `code` for machines and a sentence for people."""

    code: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    Permitted targets as a bit mask, with the label that led to it. Default deny: a target without a bit is closed.
    """

    label: DataClass
    mask: int
    snapshot: str
    obligations: frozenset[Obligation] = frozenset()

    def permits(self, target: Target) -> bool:
        """Tell whether data under this verdict may be sent to the target."""
        return bool(self.mask >> target.bit & 1)
