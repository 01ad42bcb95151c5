"""
What governance decided about one call: where it may go.
"""

from msgspec import Struct

from pointsman.core.place import DataClass
from pointsman.core.target import Target


class Reason(Struct, frozen=True, kw_only=True):
    """Why a target is in or out: a stable `code` for machines and a sentence for people."""

    code: str
    says: str


class Verdict(Struct, frozen=True, kw_only=True):
    """
    Permitted targets as a bit mask, with the label that led to it. Default deny: a target without a bit is closed.
    """

    label: DataClass
    mask: int
    snapshot: str

    def permits(self, target: Target) -> bool:
        """Tell whether data under this verdict may be sent to the target."""
        return bool(self.mask >> target.bit & 1)
