"""
Pseudonyms: what stands for a value while a call is away, and the values of one call that they stand for.

    EMAIL_7K2QX9AB
    └kind └──────── HMAC of the tenant's key over scope, kind and value: six characters for the value, two for the way it was written

Letters, digits and one underscore survive JSON, URLs, XML, Markdown and the names of tools. A conversation sends its history again with each call, and an
answer is restored before the caller sees it, so every call holds all that its pseudonyms stand for: nothing is stored (ADR 0015).
"""

import hmac
from collections.abc import Iterator, Mapping
from enum import StrEnum
from hashlib import sha256
from itertools import count
from types import MappingProxyType
from typing import Any, Final, cast

import msgspec

from pointsman.governance.filtering.canonical import canonical
from pointsman.governance.filtering.surrogates import surrogate
from pointsman.governance.filtering.thoughts import Seals

CODE_LENGTH: Final = 8
LONGEST_WORD: Final = 14
_STEM: Final = 6  # characters that tell the value
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_DIGITS: Final = "234567"  # a code begins with one: that is rare in prose, so it is quick to look for
_SHORTEST_KEY: Final = 16
LITERAL: Final = "literal"  # stands for a text that only looks like a pseudonym


class Style(StrEnum):
    """How pseudonyms look."""

    TOKENS = "tokens"
    SURROGATES = "surrogates"  # as the value does, from ranges that belong to nobody; for models that do not keep tokens as they are


def scope_of(wire: Mapping[str, object], *, tenant: str, key_id: str, user: str | None) -> str:
    """
    Return the scope of a conversation: who speaks, and the words that the user began it with.

    All turns of a conversation begin with the same words, so the same value gets the same pseudonym in all of them; in another conversation, or
    of another caller, it gets another one, and the vendor cannot link them.
    """
    told = msgspec.json.encode([tenant, key_id, user, _opening(wire)])
    return sha256(told).hexdigest()


def _opening(wire: Mapping[str, object]) -> str:
    messages = wire.get("messages")
    for message in cast("list[Any]", messages) if isinstance(messages, list) else ():
        match message:
            case {"role": "user", "content": str(text)}:
                return text
            case {"role": "user", "content": list()}:
                # The words alone: marks for a cache move from turn to turn.
                return "\n".join(map(_words, message["content"]))
            case _:
                pass
    return ""


def _words(part: Any) -> str:
    match part:
        case {"text": str(text)}:
            return text
        case _:
            return ""


def word_of(kind: str) -> str:
    """Return the word that a pseudonym of this kind begins with: at most `LONGEST_WORD` letters A to Z."""
    letters = "".join(letter for letter in kind.partition(":")[0].upper() if "A" <= letter <= "Z")
    return letters[:LONGEST_WORD] or "DATA"


class Namer:
    """
    Gives pseudonyms within one call, and knows what they stand for. One is made for each call and forgotten with it.

    `key` is the tenant's, at least 16 bytes. Two values never share a pseudonym, and none is part of another.
    """

    def __init__(self, key: bytes, *, scope: str, style: Style = Style.TOKENS) -> None:
        if len(key) < _SHORTEST_KEY:
            raise ValueError(f"The key of pseudonyms has {len(key)} bytes. Give at least {_SHORTEST_KEY}, from a random source.")
        self._key = key
        self._scope = scope
        self._style = style
        self._names: dict[tuple[str, str], str] = {}
        self._originals: dict[str, str] = {}
        self._stems: dict[str, tuple[str, str]] = {}
        self._codes: dict[str, tuple[str, str]] = {}

    @property
    def originals(self) -> Mapping[str, str]:
        """What each pseudonym of this call stands for."""
        return MappingProxyType(self._originals)

    def seals(self, hidden: frozenset[str]) -> Seals:
        """Return what seals the tenant's signed reasoning at a target that does not see these classes of data."""
        return Seals(hmac.digest(self._key, b"seals", "sha256"), hidden=hidden)

    def name(self, kind: str, text: str) -> str:
        """Return the pseudonym of a text. The same text gets the same one; another way to write the value one that begins alike."""
        word = word_of(kind)
        known = self._names.get((word, text))
        if known is None:
            known = (self._surrogate(kind, text) if self._style is Style.SURROGATES else None) or self._token(kind, text)
            self._names[word, text] = known
            self._originals[known] = text
        return known

    def removed(self, kind: str, text: str) -> str:
        """Return what stands for a text that was taken out for good, where only a name may stand. It is never put back."""
        value = canonical(kind, text)
        return f"REMOVED_{self._code(f'removed {word_of(kind)}', value, value=value)}"

    def _token(self, kind: str, text: str) -> str:
        word = word_of(kind)
        return f"{word}_{self._code(word, text, value=canonical(kind, text))}"

    def _code(self, word: str, text: str, *, value: str) -> str:
        """
        Return a code that no other text of this call has, with a beginning that no other value has.

        There is a second try only when two digests are alike.
        """
        stems = ("".join((_DIGITS[told[0] % len(_DIGITS)], *_letters(told[1:_STEM]))) for told in self._digests("value", word, value))
        stem = next(stem for stem in stems if self._stems.setdefault(stem, (word, value)) == (word, value))
        codes = ("".join((stem, *_letters(told[: CODE_LENGTH - _STEM]))) for told in self._digests("form", word, text))
        return next(code for code in codes if self._codes.setdefault(code, (word, text)) == (word, text))

    def _digests(self, *parts: str) -> Iterator[bytes]:
        return (self._digest(*parts, str(attempt)) for attempt in count())

    def _surrogate(self, kind: str, text: str) -> str | None:
        """Return a value that looks like one of this kind; None where there is none left, or none of the kind."""
        for attempt in range(8):
            made = surrogate(kind, self._digest("surrogate", kind, canonical(kind, text), f"{text}\0{attempt}"))
            if made is None:
                return None
            if made != text and not any(made in other or other in made for other in self._originals):
                return made
        return None

    def _digest(self, *parts: str) -> bytes:
        told = "".join([f"{len(part)}:{part}" for part in (self._scope, *parts)])  # no two lists of parts read the same
        return hmac.digest(self._key, told.encode(), "sha256")


def _letters(digest: bytes) -> Iterator[str]:
    return (_ALPHABET[byte % len(_ALPHABET)] for byte in digest)
