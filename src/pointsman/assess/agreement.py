"""
Whether two answers say the same, and whether many do: by their last figure, as JSON, as a short text, or by the words they share. Pure.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from pointsman.assess.figures import figures
from pointsman.assess.grounding import words

_STARTS: Final = ("{", "[")  # of JSON documents
_SHORT: Final = 5  # words of an answer that is one value


def agreement(one: str, other: str) -> float:
    """Return how far two answers say the same, in 0..1: 1 for the same value, whatever it is written like."""
    if one.lstrip()[:1] in _STARTS or other.lstrip()[:1] in _STARTS:
        first, second = _json(one), _json(other)
        if first is not None and second is not None:
            return _alike(first, second)
    said, also = words(one), words(other)
    if said == also:
        return 1.0
    same_words = _f1(said, also)
    if len(said) <= _SHORT and len(also) <= _SHORT:
        return same_words
    here, there = figures(one), figures(other)
    if here and there:
        return (float(here[-1] == there[-1]) * 3 + same_words) / 4
    return same_words


def consistency(answers: Sequence[str]) -> float:
    """Return how far the first of several answers is what the others say too, in 0..1; 1 if it stands alone."""
    others = answers[1:]
    return sum(agreement(answers[0], other) for other in others) / len(others) if others else 1.0


def _json(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _alike(first: object, second: object) -> float:
    """Return the share of leaves, by their paths, that two documents have in common."""
    one, other = Counter(_leaves(first)), Counter(_leaves(second))
    both = sum((one & other).values())
    return 2 * both / (one.total() + other.total()) if both else 0.0


def _leaves(document: object) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    waiting: list[tuple[str, object]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((f"{path}.{key}", each) for key, each in cast("dict[str, Any]", value).items())
        elif isinstance(value, list):
            waiting.extend((f"{path}[]", each) for each in cast("list[Any]", value))
        else:
            found.append((path, " ".join(words(value)) if isinstance(value, str) else repr(value)))
    return found


def _f1(one: Sequence[str], other: Sequence[str]) -> float:
    both = sum((Counter(one) & Counter(other)).values())
    return 2 * both / (len(one) + len(other)) if both else 0.0
