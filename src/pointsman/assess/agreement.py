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
_VALUE: Final = 12  # words of an answer that is a value and not a text


def is_value(text: str) -> bool:
    """Tell whether an answer is one value or a document of fields, so that two of them say the same or do not. Two essays may be equally good otherwise."""
    told = text.strip()
    return _json(told) is not None if told[:1] in _STARTS else 0 < len(told.split()) <= _VALUE


def agreement(one: str, other: str, *, on: Sequence[str] = ()) -> float:
    """
    Return how far two answers say the same, in 0..1: 1 for the same value, whatever it is written like.

    Of JSON documents only the fields named by `on` count, such as `queue` or `items[].sku`, with all that stands below them; without any, all.
    """
    if one.lstrip()[:1] in _STARTS or other.lstrip()[:1] in _STARTS:
        first, second = _json(one), _json(other)
        if first is not None and second is not None:
            return _alike(first, second, on=on)
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


def consistency(answer: str, others: Sequence[str], *, on: Sequence[str] = ()) -> float:
    """Return how far an answer is what others to the same question say too, in 0..1. There must be one other at least."""
    return sum(agreement(answer, other, on=on) for other in others) / len(others)


def _json(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _alike(first: object, second: object, *, on: Sequence[str]) -> float:
    """Return the share of leaves, by their paths, that two documents have in common."""
    one, other = (Counter([leaf for leaf in _leaves(each) if not on or _is_on(leaf[0], on)]) for each in (first, second))
    both = sum((one & other).values())
    return 2 * both / (one.total() + other.total()) if both else float(first == second and not on)


def _is_on(path: str, on: Sequence[str]) -> bool:
    """Tell whether a path is that of one of the fields, or leads below it."""
    path = path.removeprefix(".")
    return any(path == field or path.startswith((f"{field}.", f"{field}[")) for field in on)


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
