"""
What each field of a protocol means to another one: carried in our words, without effect on the answer, or to be refused by name.

The tables themselves stand in the `*_wire` modules, one `Fields` for each kind of object.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Fields:
    """
    The fields of one kind of object.

    `carried` are kept in our own words. Those in `no_effect` change no answer, so another dialect loses nothing without them. `neutral`
    values say what would happen anyway. Everything else, known to us or not, is for the caller's own dialect only.
    """

    carried: frozenset[str]
    no_effect: frozenset[str] = frozenset()
    neutral: Mapping[str, tuple[object, ...]] = field(default_factory=dict[str, tuple[object, ...]])

    def unsaid(self, found: Mapping[str, object], at: str = "") -> Mapping[str, object]:
        """Return what another dialect cannot be told, by its path; `at` is the path of the object."""
        if found.keys() <= self.carried:
            return _NOTHING
        under = f"{at}." if at else ""
        return {
            f"{under}{name}": value
            for name, value in found.items()
            if name not in self.carried and name not in self.no_effect and value is not None and value not in self.neutral.get(name, ())
        }
