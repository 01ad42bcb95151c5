"""
Figures in a text, and whether what an answer says of them holds: sums that are recomputed, figures that come from nowhere. Pure; no language is assumed.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

_LONGEST: Final = 20_000  # characters that are looked at; what follows tells little more and costs time
_FIGURE: Final = re.compile(r"\d+(?:[.,]\d+)*")
_SUM: Final = re.compile(r"((?:[$€£(]{0,3}\d[\d.,]*[)%]{0,2}\s?[-+*/x×÷]\s?){1,12}[$€£(]{0,3}\d[\d.,]*[)%]{0,2})\s?=\s?[$€£]?(-?\d[\d.,]*)")  # noqa: RUF001 the sign of multiplication
_TOKEN: Final = re.compile(r"\d[\d.,]*|[-+*/()%x×÷]")  # noqa: RUF001
_ADDED: Final = ("+", "-")
_PLUS: Final = "+"
_OPEN: Final = "("
_CLOSE: Final = ")"
_PERCENT: Final = "%"
_GOES_BEFORE: Final = tuple("+-*/×÷)%")  # noqa: RUF001 before a sum, these make it the end of a longer one
_ROUNDED: Final = 0.006
_FREE: Final = 12  # whole numbers up to here come from anywhere: a text says them in words
_HUNDRED: Final = 100.0
_DEPTH: Final = 20


class Sums(Struct, frozen=True, kw_only=True):
    """The sums that a text states: how many are `right` and `wrong`, their `results` in order, and the `operands` of each."""

    right: int
    wrong: int
    results: tuple[float, ...]
    operands: tuple[tuple[float, ...], ...]


def figures(text: str) -> list[float]:
    """Return the figures of a text in their order; a comma or a point before exactly three digits parts thousands."""
    return [_value(found) for found in _FIGURE.findall(text[:_LONGEST])]


def _value(written: str) -> float:
    if written.isdigit():
        return float(written)
    written = written.strip(".,")
    head, mark, tail = written.rpartition("," if written.rfind(",") > written.rfind(".") else ".")
    if not mark:
        return float(written)
    groups = re.split(r"[.,]", written)
    thousands = len(tail) == 3 and (mark == "," or len(groups) > 2) and len(groups[0]) <= 3  # noqa: PLR2004 digits of a group
    if thousands:
        return float("".join(groups))
    return float("".join(re.split(r"[.,]", head)) + "." + tail)


def sums(text: str) -> Sums:
    """Return the sums that a text states, each worked out again; one that cannot be read is left out."""
    right = wrong = 0
    results: list[float] = []
    operands: list[tuple[float, ...]] = []
    for found in _SUM.finditer(text[:_LONGEST]) if "=" in text else ():
        tokens = [_value(part) if part[0].isdigit() else part for part in _TOKEN.findall(found[1])]
        stated, worked = _value(found[2].lstrip("-")) * (-1 if found[2].startswith("-") else 1), _worked(tokens)
        if worked is None or text[: found.start()].rstrip(" ")[-1:] in _GOES_BEFORE:
            continue
        close = abs(worked - stated) <= _ROUNDED * max(1.0, abs(worked))
        right, wrong = right + close, wrong + (not close)
        results.append(stated)
        operands.append(tuple(token for token in tokens if isinstance(token, float)))
    return Sums(right=right, wrong=wrong, results=tuple(results), operands=tuple(operands))


def from_nowhere(found: Sums, known: Sequence[float]) -> float:
    """Return the share of operands that are neither among the known figures, nor made of one of them as a percentage, nor a result before."""
    have = {*known, *(number / _HUNDRED for number in known), *(1 + number / _HUNDRED for number in known), *(1 - number / _HUNDRED for number in known)}
    have.update(_HUNDRED - number for number in known)
    seen = strange = 0
    for numbers, result in zip(found.operands, found.results, strict=True):
        for number in numbers:
            seen += 1
            strange += not (number in have or number == _HUNDRED or (number <= _FREE and number.is_integer()))
        have.add(result)
    return strange / seen if seen else 0.0


def _worked(tokens: Sequence[str | float]) -> float | None:
    """Return what the expression comes to, or None if it cannot be worked out."""
    stream = _Stream(iter(tokens))
    try:
        value = stream.terms(0)
    except (_Unreadable, ZeroDivisionError, OverflowError):
        return None
    return value if stream.ahead is None else None


class _Unreadable(Exception):
    """The expression cannot be read."""


class _Stream:
    """An expression, read from the left: sums of products of figures and brackets."""

    def __init__(self, tokens: Iterator[str | float]) -> None:
        self._tokens = tokens
        self.ahead: str | float | None = next(tokens, None)

    def _take(self) -> str | float | None:
        taken, self.ahead = self.ahead, next(self._tokens, None)
        return taken

    def terms(self, depth: int) -> float:
        value = self._factors(depth)
        while self.ahead in _ADDED:
            more = self._take() == _PLUS
            value += self._factors(depth) if more else -self._factors(depth)
        return value

    def _factors(self, depth: int) -> float:
        value = self._atom(depth)
        while self.ahead in ("*", "/", "x", "×", "÷"):  # noqa: RUF001
            if self._take() in ("/", "÷"):
                value /= self._atom(depth)
            else:
                value *= self._atom(depth)
        return value

    def _atom(self, depth: int) -> float:
        value = self._take()
        if value == _OPEN and depth < _DEPTH:
            value = self.terms(depth + 1)
            if self._take() != _CLOSE:
                raise _Unreadable
        if not isinstance(value, float):
            raise _Unreadable
        if self.ahead == _PERCENT:
            self._take()
            return value / _HUNDRED
        return value
