"""
What is looked at in a prompt, as numbers: what its words mean on the whole, at its beginning and at its end, and sixteen marks of its surface.

The meaning of a word is the sum of its pieces in the table of tokens; without a table, its pieces are the word and its triples of letters, and each has a
row of noise that is always the same (feature hashing): words that share pieces come to lie near each other, and no download is needed.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import chain, islice
from typing import Any, Final
from zlib import crc32

import numpy as np

from pointsman.decision.prediction.table import WIDTH, Table, decode_table

Array = Any

EDGE: Final = 64  # numbers for the beginning, and for the end
SURFACE: Final = 16
FEATURES: Final = WIDTH + 2 * EDGE + SURFACE
_NAME_BYTES: Final = 8
_MOST: Final = 512  # tokens that are read: the first ones
_READ_CHARS: Final = 8 * _MOST
_AT_EDGE: Final = 24
_LONGEST_WORD: Final = 60
_SEEN_BYTES: Final = 20_000
_RUNS: Final = 50_000  # of letters between blanks, whose pieces are kept in memory
_BUCKETS: Final = 1 << 15
_WORD: Final = re.compile(r"[^\W_]+|[^\w\s]|_")
# Which characters are counted together, by their bytes in UTF-8.
_CLASSES: Final = (
    b"0123456789",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    bytes(range(128, 256)),
    b"\n",
    b"?",
    b".!",
    b",;:",
    b"(){}[]<>",
    b"+-*/=^%$\\|",
    b"\"'`",
    b"_#@&~",
    b" ",
)


class Embedder:
    """Turns prompts into numbers. Two embedders with one `name` say the same of each text. Safe for several threads."""

    def __init__(self, table: Table | None = None) -> None:
        self.table = table
        self._rows: Array = _noise() if table is None else np.asarray(table.rows)
        self._split = _hashed if table is None else _split_by(table.vocabulary)
        self._kept = lru_cache(_RUNS)(self._read)
        self.name = blake2b(self._rows.tobytes(), digest_size=_NAME_BYTES).digest()
        self._counted = np.zeros((256, len(_CLASSES)), np.float32)
        for column, letters in enumerate(_CLASSES):
            self._counted[list(letters), column] = 1

    @property
    def table_name(self) -> str:
        """What its table is kept under; empty without one."""
        return "" if self.table is None else self.table.name

    def features(self, text: str | bytes) -> bytes:
        """Return the numbers of a text as bytes: the name of the embedder, then float16. Bytes are given back as they are."""
        return text if isinstance(text, bytes) else self.name + self._numbers(text).astype(np.float16).tobytes()

    def numbers(self, features: bytes) -> Array | None:
        """Return the numbers in what `features` returned, float32 of shape (`FEATURES`,); None where another embedder made them."""
        if not features.startswith(self.name) or len(features) != _NAME_BYTES + 2 * FEATURES:
            return None
        return np.frombuffer(features, np.float16, offset=_NAME_BYTES).astype(np.float32)

    def _numbers(self, text: str) -> Array:
        ids = list(islice(chain.from_iterable(map(self._pieces, text[:_READ_CHARS].split())), _MOST)) or [0]
        rows = self._rows.take(ids, axis=0).astype(np.float32)
        found = np.empty(FEATURES, np.float32)
        found[:WIDTH] = _mean(rows)
        found[WIDTH : WIDTH + EDGE] = _mean(rows[:_AT_EDGE, :EDGE])
        found[WIDTH + EDGE : WIDTH + 2 * EDGE] = _mean(rows[-_AT_EDGE:, :EDGE])
        found[WIDTH + 2 * EDGE :] = self._surface(text)
        return found

    def _pieces(self, run: str) -> tuple[int, ...]:
        """Return the pieces of what stands between two blanks. A long run is hardly ever seen again, and would fill the memory."""
        return self._kept(run) if len(run) <= _LONGEST_WORD else self._read(run)

    def _read(self, run: str) -> tuple[int, ...]:
        return tuple(chain.from_iterable(map(self._split, _WORD.findall(run))))

    def _surface(self, text: str) -> Array:
        letters = np.frombuffer(text[:_SEEN_BYTES].encode(errors="replace"), np.uint8)
        counts = np.bincount(letters, minlength=256).astype(np.float32) @ self._counted
        long = max(1, len(text))
        seen = max(1, len(letters))
        logs = np.log1p(counts[[11, 3, 0, 1, 4, 5, 7, 8]])
        return np.concatenate(([np.log(long), min(20.0, seen / (1 + counts[11]))], logs, counts[[0, 1, 2, 6, 7, 9]] / seen))


def embedder_of(table: str, *, read: Callable[[str], bytes]) -> Embedder | None:
    """Return who looks at prompts by the table of this name, of which `read` gives the bytes; None without a name. Raises what `read` does."""
    return Embedder(decode_table(read(table), name=table)) if table else None


def _mean(rows: Array) -> Array:
    """Return the mean of rows. As a product it takes a quarter of the time of `mean`."""
    return np.full(len(rows), 1 / len(rows), np.float32) @ rows


def _split_by(vocabulary: Sequence[str]) -> Callable[[str], tuple[int, ...]]:
    """Return what splits a word into the longest pieces of the vocabulary, from its beginning on (WordPiece)."""
    places = {piece: place for place, piece in enumerate(vocabulary)}
    unknown = (places.get("[UNK]", 0),)

    def split(word: str) -> tuple[int, ...]:
        rest, start, found = word.lower()[:_LONGEST_WORD], "", list[int]()
        while rest:
            end = next((end for end in range(len(rest), 0, -1) if start + rest[:end] in places), 0)
            if not end:
                return unknown
            found.append(places[start + rest[:end]])
            rest, start = rest[end:], "##"
        return tuple(found)

    return split


def _hashed(word: str) -> tuple[int, ...]:
    known = f"<{word.lower()[:_LONGEST_WORD]}>"
    pieces = [known, known] + [known[at : at + 3] for at in range(len(known) - 2)] if len(known) > len("<ab>") else [known]
    return tuple(crc32(piece.encode(errors="replace")) % _BUCKETS for piece in pieces)


@lru_cache(1)
def _noise() -> Array:
    return np.random.default_rng(0).integers(-64, 65, size=(_BUCKETS, WIDTH), dtype=np.int8)
