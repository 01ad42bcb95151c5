"""
What governance decided about one call: where it may go, and what must be done first.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum

from msgspec import Struct

from pointsman.core.label import Label
from pointsman.core.target import Target


class Reason(Struct, frozen=True, kw_only=True):
    """Why a target is in or out: a stable `code` for machines and a sentence for people."""

    code: str
    says: str


class Obligation(StrEnum):
    """What must be done to data of a class before it reaches a target."""

    REDACT = "redact"  # what was found is taken out, for good
    PSEUDONYMISE = "pseudonymise"  # what was found is replaced, and put back into the answer
    SUMMARISE = "summarise"  # a private target summarises first, and the summary must pass a leak check
    PERSON = "person"  # a person must agree


class Sharing(IntEnum):
    """With whom a kept answer may be shared; a larger value is wider."""

    NOBODY = 0
    USER = 1
    APPLICATION = 2
    TENANT = 3


class Keeping(IntEnum):
    """How much of the content of a call may be kept; a larger value is more."""

    NOTHING = 0
    HASH = 1
    FILTERED = 2
    FULL = 3


class Duty(Struct, frozen=True):
    """An obligation for what was found of one class of data."""

    data_class: str
    obligation: Obligation


class Verdict(Struct, frozen=True, kw_only=True):
    """
    Permitted targets as a bit mask, with the label that led to it. Default deny: a target without a bit is closed.

    `owed` tells for each duty the mask of the targets at which it is due. `sharing` says with whom an answer in the cache may be shared,
    `keeping` how much of the content may be kept, and for at most `keep_at_most_s` seconds. `before_egress` asks for the audit record to be
    durable before data leaves. `policy` is the digest of the policy in force.
    """

    label: Label
    mask: int
    snapshot: str
    owed: Mapping[Duty, int] = {}
    sharing: Sharing = Sharing.TENANT
    keeping: Keeping = Keeping.NOTHING
    keep_at_least_s: int = 0
    keep_at_most_s: int | None = None
    before_egress: bool = False
    policy: str = ""

    def permits(self, target: Target) -> bool:
        """Tell whether data under this verdict may be sent to the target, once what is owed there has been done."""
        return bool(self.mask >> target.bit & 1)

    def owes(self, target: Target) -> frozenset[Duty]:
        """Return what must be done before data under this verdict may be sent to the target."""
        return frozenset(duty for duty, mask in self.owed.items() if mask >> target.bit & 1)
