"""
What data is: an element of a lattice. Joining two labels keeps the stricter of each part, so mixing never makes data freer.

Values only. Who declares a label and who finds one belongs to `governance`, which also decides what a label permits. Nothing here lowers a
label: only a declassifier does (`governance`), and that is on record.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from msgspec import Struct


class Level(IntEnum):
    """How sensitive data is; a larger value is stricter. `RESTRICTED` is what is assumed when nothing is known."""

    PUBLIC = 0
    INTERNAL = 1
    CONFIDENTIAL = 2
    RESTRICTED = 3


class Integrity(IntEnum):
    """How far the origin of data is trusted; a smaller value is trusted less."""

    EXTERNAL = 0
    TOOL_OUTPUT = 1
    MODEL_OUTPUT = 2
    TENANT_DOCUMENT = 3
    TRUSTED_USER = 4


# Every class that needs no declaration, with its level. A policy may add its own. The four levels are classes too, for data of which no more is known.
CLASSES: Final[Mapping[str, Level]] = {
    "public": Level.PUBLIC,
    "internal": Level.INTERNAL,
    "personal": Level.CONFIDENTIAL,
    "financial": Level.CONFIDENTIAL,
    "source_code": Level.CONFIDENTIAL,
    "confidential": Level.CONFIDENTIAL,
    "health": Level.RESTRICTED,
    "legal": Level.RESTRICTED,
    "restricted": Level.RESTRICTED,
    "secret": Level.RESTRICTED,
}
SECRET: Final = "secret"  # noqa: S105 - the name of a class


class Label(Struct, frozen=True, kw_only=True):
    """
    What is known about some data.

    `classes` are the confidentiality atoms and `level` the strictest of theirs. `residency` names the only regions, `purposes` the only purposes
    it may be used in; None is no restriction. It must be kept for `keep_at_least_s` and not longer than `keep_at_most_s` seconds. `sources` name
    where it came from.
    """

    classes: frozenset[str]
    level: Level
    integrity: Integrity = Integrity.TRUSTED_USER
    residency: frozenset[str] | None = None
    purposes: frozenset[str] | None = None
    keep_at_least_s: int = 0
    keep_at_most_s: int | None = None
    sources: frozenset[str] = frozenset()

    def joined(self, other: "Label") -> "Label":
        """Return the label of both kinds of data together."""
        return Label(
            classes=self.classes | other.classes,
            level=max(self.level, other.level),
            integrity=min(self.integrity, other.integrity),
            residency=_both(self.residency, other.residency),
            purposes=_both(self.purposes, other.purposes),
            keep_at_least_s=max(self.keep_at_least_s, other.keep_at_least_s),
            keep_at_most_s=min((one for one in (self.keep_at_most_s, other.keep_at_most_s) if one is not None), default=None),
            sources=self.sources | other.sources,
        )

    @property
    def text(self) -> str:
        """The classes in one word for people and records, such as `internal+personal`. Of the levels among them the strictest is enough."""
        strictest = max((level for level in Level if level.name.lower() in self.classes), default=None)
        names = [name for name in self.classes if name.upper() not in Level.__members__ or name.upper() == getattr(strictest, "name", "")]
        return "+".join(sorted(names)) or "unknown"


def a_label(*classes: str, levels: Mapping[str, Level] = CLASSES) -> Label:
    """Return the label of these classes and nothing more. A class of which no level is known counts as the strictest."""
    return Label(classes=frozenset(classes), level=max((levels.get(name, Level.RESTRICTED) for name in classes), default=Level.RESTRICTED))


PUBLIC: Final = a_label("public")
INTERNAL: Final = a_label("internal")
UNKNOWN: Final = a_label("restricted")


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
