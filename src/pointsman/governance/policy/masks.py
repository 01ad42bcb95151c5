"""
Conditions over all targets at once: each target is a bit, each condition two masks.

`yes` are the targets for which a condition is known to hold, `no` those for which it is known not to. A target with neither lacks the value
that is asked for: it satisfies no permit and every forbid. With anybody as principal a target may be in both: there is a principal for whom it
holds and one for whom it does not.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from pointsman.governance.policy.attributes import Asking, Value
from pointsman.governance.policy.conditions import Condition, Every, Given, Named, Not, Operand, Relation

_RELATIONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda text, texts: text in texts,
    "startsWith": lambda text, start: text.startswith(start),
    "endsWith": lambda text, end: text.endswith(end),
    "contains": lambda text, part: part in text,
}


class Masks(Struct, frozen=True):
    """Where a condition holds and where it does not."""

    yes: int
    no: int


class AllOf(Struct, frozen=True):
    """A condition that holds where all parts do, worked out as far as the targets alone decide."""

    parts: tuple["Folded", ...]


class AnyOf(Struct, frozen=True):
    """A condition that holds where one part does, worked out as far as the targets alone decide."""

    parts: tuple["Folded", ...]


class Opposite(Struct, frozen=True):
    """A condition that holds where its part does not."""

    part: "Folded"


Folded = Masks | Relation | AllOf | AnyOf | Opposite


class Population:
    """The attributes of all targets, by bit."""

    def __init__(self, values: Mapping[int, Mapping[str, Value | None]]) -> None:
        self._values = values
        self.all = sum(1 << bit for bit in values)
        self._columns: dict[str, tuple[tuple[Value | None, int], ...]] = {}
        self._relations: dict[Relation, Masks] = {}

    def having(self, name: str, accepted: frozenset[str]) -> Masks:
        """Return the targets of which an attribute is one of these, or of whose texts one is."""
        yes = no = 0
        for value, mask in self._column(name):
            if value is None:
                continue
            if (not accepted.isdisjoint(value)) if isinstance(value, frozenset) else value in accepted:
                yes |= mask
            else:
                no |= mask
        return Masks(yes, no)

    def unknown(self, bit: int) -> tuple[str, ...]:
        """Return the attributes of a target that nobody knows."""
        return tuple(name for name, value in self._values[bit].items() if value is None)

    def folded(self, condition: Condition) -> Folded:
        """Work out what the targets alone decide."""
        if isinstance(condition, Relation):
            return condition if _asks_caller(condition) else self._relation(condition, None)
        if isinstance(condition, Not):
            part = self.folded(condition.part)
            return _opposite(part) if isinstance(part, Masks) else Opposite(part)
        parts = tuple(map(self.folded, condition.parts))
        whole = AllOf(parts) if isinstance(condition, Every) else AnyOf(parts)
        return self.masks(whole, None) if all(isinstance(part, Masks) for part in parts) else whole

    def masks(self, folded: Folded, asking: Asking | None) -> Masks:
        """Work out the rest for one who asks; None where nothing is left to ask."""
        match folded:
            case Masks():
                return folded
            case Relation():
                return self._relation(folded, asking)
            case Opposite(part):
                return _opposite(self.masks(part, asking))
            case AllOf(parts):
                found = [self.masks(part, asking) for part in parts]
                return both(found)
            case AnyOf(parts):
                found = [self.masks(part, asking) for part in parts]
                return _opposite(both(map(_opposite, found)))

    def _relation(self, relation: Relation, asking: Asking | None) -> Masks:
        if asking is None and relation in self._relations:
            return self._relations[relation]
        if asking is not None and asking.principal is None and "principal" in (_root(relation.left), _root(relation.right)):
            return Masks(self.all, self.all)
        of_target = [side.name for side in (relation.left, relation.right) if isinstance(side, Named) and side.root == "target"]
        holds = _RELATIONS[relation.sign]
        yes = no = 0
        for values, mask in self._groups(of_target):
            left, right = (_value(side, values, asking=asking) for side in (relation.left, relation.right))
            if left is None or right is None:
                continue
            if holds(left, right):
                yes |= mask
            else:
                no |= mask
        if asking is None:
            self._relations[relation] = Masks(yes, no)
        return Masks(yes, no)

    def _groups(self, names: list[str]) -> Iterable[tuple[Mapping[str, Value | None], int]]:
        """Return targets that have the same values of these attributes together."""
        if not names:
            return [({}, self.all)]
        if len(names) == 1:
            return [({names[0]: value}, mask) for value, mask in self._column(names[0])]
        return [(values, 1 << bit) for bit, values in self._values.items()]

    def _column(self, name: str) -> tuple[tuple[Value | None, int], ...]:
        if name not in self._columns:
            found: dict[Value | None, int] = {}
            for bit, values in self._values.items():
                found[values[name]] = found.get(values[name], 0) | 1 << bit
            self._columns[name] = tuple(found.items())
        return self._columns[name]


def both(parts: Iterable[Masks]) -> Masks:
    """Return where every part holds, and where one does not."""
    yes, no = -1, 0
    for part in parts:
        yes &= part.yes
        no |= part.no
    return Masks(yes, no)


def _opposite(part: Masks) -> Masks:
    return Masks(part.no, part.yes)


def _root(side: Operand) -> str | None:
    return side.root if isinstance(side, Named) else None


def _asks_caller(relation: Relation) -> bool:
    return bool({_root(relation.left), _root(relation.right)} & {"principal", "call"})


def _value(side: Operand, values: Mapping[str, Value | None], *, asking: Asking | None) -> Value | None:
    if isinstance(side, Given):
        return side.value
    if side.root == "target":
        return values[side.name]
    return None if asking is None else asking.value(side.root, side.name)
