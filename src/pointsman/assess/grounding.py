"""
How much of an answer rests on what it was given: content words, figures and names that the source has too, and runs of words taken over. Pure.
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Final, TypeVar

from msgspec import Struct

from pointsman.assess.figures import figures

_LONGEST: Final = 20_000
_WORD: Final = re.compile(r"\w+")
_CONTENT: Final = 4  # letters from which a word counts as content, in scripts that part words by spaces
_Item = TypeVar("_Item")

_NAME: Final = re.compile(r"(?<=[\w,;:] )[A-Z]\w+")  # a capital that no sentence begins with


class Reading(Struct, frozen=True):
    """A text with its words and its figures, read once."""

    text: str
    words: list[str]
    figures: list[float]


def read(text: str) -> Reading:
    """Read a text; what is beyond its first 20,000 characters is left out."""
    text = text[:_LONGEST]
    return Reading(text, words(text), figures(text))


def grounding(answer: Reading, source: Reading) -> Mapping[str, float]:
    """
    Return what share of the answer's content words, figures, names and pairs of words the source has: `grounded_words`, `grounded_figures`,
    `grounded_names` and `copied`. What the answer has none of is left out.
    """
    known = set(source.words)
    found: dict[str, float] = {}
    content = {word for word in set(answer.words) if len(word) >= _CONTENT or not word.isascii()}
    _share(found, "grounded_words", said=content, known=known)
    _share(found, "grounded_figures", said=set(answer.figures), known=set(source.figures))
    _share(found, "grounded_names", said={name.lower() for name in _NAME.findall(answer.text)}, known=known)
    _share(found, "copied", said=set(pairwise(answer.words)), known=set(pairwise(source.words)))
    return found


def words(text: str) -> list[str]:
    """Return the words of a text in lower case; characters of scripts without spaces stand for themselves."""
    if text.isascii():
        return _WORD.findall(text.lower())
    found: list[str] = []
    for word in _WORD.findall(text.lower()):
        if word.isascii() or not _without_spaces(word[0]):
            found.append(word)
        else:
            found.extend(word)
    return found


def _without_spaces(character: str) -> bool:
    return "\u0e00" <= character <= "\u0eff" or "\u3040" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff"


def _share(found: dict[str, float], name: str, *, said: set[_Item], known: set[_Item]) -> None:
    if said:
        found[name] = len(said & known) / len(said)
