"""
Conditions of rules: the part of CEL that has one meaning for all targets at once, read into a tree.

Every condition here is a CEL expression with the same meaning (ADR 0014). What CEL can say beyond that is refused by name, with what to do
instead: a policy is decided class by class and before any content is known, so a condition cannot ask for content, time or several classes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from pointsman.governance.policy.attributes import CALL, FLAG, NUMBER, PRINCIPAL, TARGET, TEXT, TEXTS

_LONGEST: Final = 2_000
_DEEPEST: Final = 40
_LARGEST: Final = 2**63 - 1

_TOKEN: Final = re.compile(
    r"""[ \t\r\n]+|(?P<text>"[^"\\\n]*"|'[^'\\\n]*')|(?P<number>[0-9]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"""
    r"""|(?P<sign>&&|\|\||[=!<>]=|[!<>()\[\],.])"""
)
_ORDERS: Final = ("<", "<=", ">", ">=")
_CALLS: Final = ("startsWith", "endsWith", "contains")
_SEVERAL: Final = "Derive a class under `derived` that stands for the classes that meet, and write the rule about it."
_CONTENT: Final = "Policies know no content. Use a decision table (`rules:` of the capability) for that."
_TIME: Final = "Policies know no clock. Use `next_review` of the vendor's terms, or a key that expires."
_ELSEWHERE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("label", "labels", "data_class", "classes", "class"), _SEVERAL),
    **dict.fromkeys(("text", "system", "turns", "tools", "stream", "answer", "request", "call", "context"), _CONTENT),
    **dict.fromkeys(("now", "time", "timestamp", "date", "duration"), _TIME),
    "user": "Policies are worked out for keys and groups, not for each user. Put the users into a group and ask `in principal.groups`.",
}
_KNOWN: Final = "Known: `capability`, `purpose`, {}.".format(
    ", ".join([*(f"`principal.{name}`" for name in PRINCIPAL), *(f"`target.{name}`" for name in TARGET)])
)


class BadCondition(Exception):
    """A condition that cannot be used; `says` what is wrong, `remedy` what to do."""

    def __init__(self, says: str, *, remedy: str) -> None:
        super().__init__(f"{says} {remedy}")
        self.says = says
        self.remedy = remedy


class Given(Struct, frozen=True):
    """A value that stands in the condition itself."""

    value: str | int | bool | frozenset[str]


class Named(Struct, frozen=True):
    """An attribute: `root` is `principal`, `target` or `call`."""

    root: str
    name: str


class Relation(Struct, frozen=True):
    """A relation between two values: `==`, `!=`, an order, `in`, or a function of texts. Unknown if either value is."""

    sign: str
    left: Given | Named
    right: Given | Named


class Not(Struct, frozen=True):
    """The opposite."""

    part: "Condition"


class Every(Struct, frozen=True):
    """True if every part is, false if one is false."""

    parts: tuple["Condition", ...]


class Some(Struct, frozen=True):
    """True if one part is, false if every one is false."""

    parts: tuple["Condition", ...]


Operand = Given | Named
Condition = Relation | Not | Every | Some
_Node = Operand | Condition


def parse(text: str) -> Condition:
    """Read a condition. Raises `BadCondition`."""
    if len(text) > _LONGEST:
        raise BadCondition(f"this is longer than {_LONGEST} characters.", remedy="Split it into several rules.")
    reader = _Reader(_tokens(text))
    found = _as_condition(reader.either(0))
    if reader.here[0] != "end":
        raise reader.unexpected()
    return found


def names_in(condition: Condition) -> Iterator[Named]:
    """Yield every attribute that a condition asks for."""
    match condition:
        case Relation(_, left, right):
            yield from (side for side in (left, right) if isinstance(side, Named))
        case Not(part):
            yield from names_in(part)
        case _:
            for part in condition.parts:
                yield from names_in(part)


def type_of(operand: Operand) -> str:
    """Return the type of a value or attribute."""
    if isinstance(operand, Named):
        return {"principal": PRINCIPAL, "target": TARGET, "call": CALL}[operand.root][operand.name]
    value = operand.value
    return FLAG if isinstance(value, bool) else NUMBER if isinstance(value, int) else TEXT if isinstance(value, str) else TEXTS


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadCondition(f"`{text[at : at + 20]}` cannot be read.", remedy="Texts stand in quotes, without `\\`; numbers are whole.")
        if match.lastgroup is not None:
            found.append((match.lastgroup, match[0]))
        at = match.end()
    return [*found, ("end", "the end")]


class _Reader:
    """Reads tokens by descent: one method for each strength of binding, the weakest first."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def here(self) -> tuple[str, str]:
        return self._tokens[self._at]

    def either(self, depth: int) -> _Node:
        return self._joined("||", self._both, depth=depth)

    def _both(self, depth: int) -> _Node:
        return self._joined("&&", self._relation, depth=depth)

    def _joined(self, sign: str, part: Callable[[int], _Node], *, depth: int) -> _Node:
        found = part(depth)
        if not self._is(sign):
            return found
        parts = [_as_condition(found)]
        while self._takes(sign):
            parts.append(_as_condition(part(depth)))
        return Some(tuple(parts)) if sign == "||" else Every(tuple(parts))

    def _relation(self, depth: int) -> _Node:
        left = self._unary(depth)
        sign = self.here[1]
        if sign not in ("==", "!=", "in", *_ORDERS) or self.here[0] not in ("sign", "name"):
            return left
        self._at += 1
        return _related(sign, left, right=self._unary(depth))

    def _unary(self, depth: int) -> _Node:
        if depth > _DEEPEST:
            raise BadCondition("this is nested too deeply.", remedy="Split it into several rules.")
        if self._takes("!"):
            return Not(_as_condition(self._unary(depth + 1)))
        if self._takes("("):
            found = self.either(depth + 1)
            self._must(")")
            return found
        return self._operand()

    def _operand(self) -> _Node:
        kind, word = self.here
        if kind not in ("text", "number", "name") and word != "[":
            raise self.unexpected()
        self._at += 1
        if kind == "text":
            return Given(word[1:-1])
        if kind == "number":
            if int(word[:20]) > _LARGEST:
                raise BadCondition(f"`{word}` is too large.", remedy="Write a smaller number.")
            return Given(int(word))
        if word == "[":
            return self._list()
        return Given(word == "true") if word in ("true", "false") else self._called(self._named(word))

    def _list(self) -> Given:
        found: list[str] = []
        while True:
            kind, word = self.here
            if kind != "text":
                raise BadCondition("a list holds texts only.", remedy='Write `["one", "two"]`.')
            found.append(word[1:-1])
            self._at += 1
            if not self._takes(","):
                break
        self._must("]")
        return Given(frozenset(found))

    def _named(self, word: str) -> Named:
        if word in CALL:
            return Named("call", word)
        if word in ("principal", "target"):
            self._must(".")
            name = self.here[1]
            self._at += 1
            if name in (PRINCIPAL if word == "principal" else TARGET):
                return Named(word, name)
            raise BadCondition(f"there is no `{word}.{name}`.", remedy=_ELSEWHERE.get(name, _KNOWN))
        raise BadCondition(f"a policy cannot ask for `{word}`.", remedy=_ELSEWHERE.get(word, _KNOWN))

    def _called(self, operand: Named) -> _Node:
        if not self._takes("."):
            return operand
        name = self.here[1]
        if name not in _CALLS:
            raise BadCondition(f"there is no function `{name}`.", remedy=f"Known: {', '.join(f'`{one}`' for one in _CALLS)}.")
        self._at += 1
        self._must("(")
        kind, word = self.here
        if kind != "text" or type_of(operand) != TEXT:
            raise BadCondition(f"`{name}` asks whether one text is in another.", remedy=f'Write `target.name.{name}("text")`.')
        self._at += 1
        self._must(")")
        return Relation(name, operand, Given(word[1:-1]))

    def _is(self, sign: str) -> bool:
        return self.here == ("sign", sign)

    def _takes(self, sign: str) -> bool:
        if not self._is(sign):
            return False
        self._at += 1
        return True

    def _must(self, sign: str) -> None:
        if not self._takes(sign):
            raise BadCondition(f"`{sign}` is missing before `{self.here[1]}`.", remedy="Add it.")

    def unexpected(self) -> BadCondition:
        return BadCondition(f"`{self.here[1]}` does not belong here.", remedy='Write a comparison, such as `target.region == "eu"`.')


def _as_condition(node: _Node) -> Condition:
    """Take a flag as the question whether it is true."""
    if not isinstance(node, Given | Named):
        return node
    if type_of(node) != FLAG:
        raise BadCondition("this is neither true nor false.", remedy='Compare it, as in `target.region == "eu"`.')
    return Relation("==", node, Given(value=True))


def _related(sign: str, left: _Node, *, right: _Node) -> Relation:
    if not isinstance(left, Given | Named) or not isinstance(right, Given | Named):
        raise BadCondition(f"`{sign}` compares attributes and values.", remedy="Use `&&`, `||` and `!` between comparisons.")
    types = (type_of(left), type_of(right))
    if sign == "in":
        fits = types == (TEXT, TEXTS)
    elif sign in _ORDERS:
        fits = types == (NUMBER, NUMBER)
    else:
        fits = types[0] == types[1] != TEXTS
    if not fits:
        raise BadCondition(
            f"`{sign}` cannot stand between {types[0]} and {types[1]}.", remedy="Compare a text with a text, a number with a number; ask a text `in` texts."
        )
    return Relation(sign, left, right)
