"""
Persons, addresses, places, organisations, ages, nationalities, dates and titles of jobs, found by a small sequence model over windows of tokens.

The model is trained at build time from templates and lists of our own (`scripts/build_sequence.py`); it knows western, Slavic, African and Asian names
in Latin letters, some Greek and Russian ones, and sentences of a dozen languages, English best. It does not cut texts that are written without blanks
(Chinese, Japanese, Thai).
Arithmetic only: no clock, no network. What it keeps between texts are forms of single tokens with all digits masked.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from io import BytesIO
from itertools import accumulate
from threading import Lock
from typing import Any, Final, NamedTuple, Self

import numpy as np

from pointsman.governance.detection.kinds import class_of
from pointsman.governance.detection.sequence_tokens import FEATURES, TOKEN, features, masked
from pointsman.governance.finding import Finding

Array = Any

NAME: Final = "sequence/1"
ALL_KINDS: Final = frozenset({"person", "address", "location", "organisation", "age", "nationality", "date", "phone", "title"})
# The title of a job alone points at nobody, and prompts are full of them ("You are an experienced editor"), so it is told only where it is asked for.
KINDS: Final = ALL_KINDS - {"title"}
_KEPT: Final = 12_000  # tokens whose part of layer 1 is kept; all are dropped when there are more
_BLOCK: Final = 768  # tokens worked on at once, so that the work stays in the cache of the processor
_EDGE: Final = 8  # tokens of the neighbouring block that a token can see, rounded up
_FINE: Final = 512  # steps of a whole number in which parts of layer 1 are kept; a window of seven cannot overflow
_WIDEST: Final = 32767 // 7
_GATE: Final = -3.5  # log odds under which a token is nothing, without a second look
_DOUBT: Final = 0.5  # a token is nothing where that is at least so probable
_DOUBT_BESIDE: Final = 0.9  # the same for a token beside one that is something: half a name is as good as none
# Added to the log odds of a tag: a person or an address that is missed costs more than one that is told for a company, and a job is no secret.
_LEANS: Final[Mapping[str, float]] = {"person": 1.2, "address": 0.3, "organisation": -0.4, "title": -1.0}
# Words that are nobody's name, however they stand.
_CLOSED: Final = frozenset(
    (  # noqa: SIM905 - words are read more easily in lines
        "a an the this that these those i me my mine you your yours he him his she her hers it its we us our ours they them their theirs who whom whose"
        " which what when where why how and or but nor so yet if then else than as at by for from in into of off on onto out over to up with is are was"
        " were be been being am do does did have has had not no yes all any both each few more most other some such only just also very too here there"
        " again once can could would should shall must might about after before between during"
    ).split()
)
_OF_MANY_LINES: Final = frozenset({"address"})
_LEAST_DIALLED: Final = 3  # digits of a part of a telephone number
_EXTENSION: Final = frozenset("xext")  # letters that may stand in one
_NO_NUMBER: Final = re.compile(r"(?:0000-)?00-00|0{1,3}\.0{1,2}")  # a day, and the end of an amount


class _Run(NamedTuple):
    """Tokens `first` to `last` (exclusive) with the same tag."""

    first: int
    last: int
    tag: int


class SequenceDetector:
    """
    The model with what it remembers of tokens. `model` is the file that `scripts/build_sequence.py` writes; `kinds` limits what is told.

    Safe for several threads, which take turns.
    """

    name = NAME

    def __init__(self, model: bytes, *, kinds: Iterable[str] = KINDS) -> None:
        parts: Mapping[str, Array] = np.load(BytesIO(model), allow_pickle=False)
        words = parts["words"].tobytes().decode().split("\n")
        self._lists: Mapping[str, int] = dict(zip(words, parts["bits"].tolist(), strict=True))
        self._tags: tuple[str, ...] = tuple(parts["tags"].tobytes().decode().split("\n"))
        self._kinds = frozenset(kinds)
        self._vectors: Array = parts["vectors"]
        self._scale: Array = parts["scale"]
        near = parts["near"].astype(np.float32)
        self._hidden: int = near.shape[1]
        self._reach: int = near.shape[0] // len(self._scale) // 2
        self._near: Array = near.reshape(2 * self._reach + 1, len(self._scale), self._hidden).transpose(1, 0, 2).reshape(len(self._scale), -1)
        self._far: Array = parts["far"].astype(np.float32)
        self._far_reach: int = self._far.shape[0] // self._hidden // 2
        self._out: Array = parts["out"].astype(np.float32)
        self._gate: Array = parts["gate"].astype(np.float32)[:, 0]
        self._biases: Mapping[str, Array] = {name: parts[f"{name}_bias"] for name in ("near", "gate", "far", "out")}
        self._leans: Array = self._biases["out"] + np.array([_LEANS.get(tag, 0.0) for tag in self._tags], np.float32)
        self._rows: dict[str, int] = {}
        self._table: Array = np.zeros((_KEPT + 1, 2 * self._reach + 1, self._hidden), np.int16)
        self._turn = Lock()

    @classmethod
    def packaged(cls, *, kinds: Iterable[str] = KINDS) -> Self:
        """Return the detector with the model in this package. FileNotFoundError: the package was built without it."""
        return cls(resources.files("pointsman.governance.detection").joinpath("data/sequence.npz").read_bytes(), kinds=kinds)

    def find(self, text: str) -> Iterator[Finding]:
        """Yield what is found, from the left, none overlapping."""
        tokens = TOKEN.findall(masked(text))
        if not tokens:
            return
        tags, scores = self._tagged(tokens)
        if not tags.any():
            return
        ends = list(accumulate(map(len, tokens)))
        for run in self._runs(tags, tokens):
            kind = self._tags[run.tag]
            start = ends[run.first] - len(tokens[run.first].lstrip())
            score = float(scores[run.first : run.last].max())
            yield Finding(start=start, end=ends[run.last - 1], kind=kind, data_class=class_of(kind), detector=NAME, score=round(score, 3))

    def _tagged(self, tokens: Sequence[str]) -> tuple[Array, Array]:
        """Return for each token its tag, 0 for nothing, and how probable it is."""
        tags = np.zeros(len(tokens), np.int64)
        scores = np.zeros(len(tokens), np.float32)
        for start in range(0, len(tokens), _BLOCK):
            left, end = max(0, start - _EDGE), min(len(tokens), start + _BLOCK)
            with self._turn:
                first = self._first_layer(tokens[left : end + _EDGE])
            at = np.flatnonzero(first @ self._gate + self._biases["gate"] > _GATE)
            if not len(at):
                continue
            at, found, sure = self._second_layer(first, at)
            inside = (at >= start - left) & (at < end - left)
            tags[at[inside] + left] = found[inside]
            scores[at[inside] + left] = sure[inside]
        return tags, scores

    def _first_layer(self, tokens: Sequence[str]) -> Array:
        rows: list[Any] = list(map(self._rows.get, tokens))
        if None in rows:
            new = dict.fromkeys(token for token, row in zip(tokens, rows, strict=True) if row is None)
            if len(self._rows) + len(new) > _KEPT:
                self._rows.clear()
                new = dict.fromkeys(tokens)
            self._meet(list(new))
            rows = list(map(self._rows.get, tokens))
        reach, count = self._reach, len(tokens)
        index = np.zeros(count + 2 * reach, np.int64)
        index[reach : reach + count] = rows
        seen = self._table[index]
        whole = seen[0:count, 0]
        for shift in range(1, 2 * reach + 1):
            whole += seen[shift : shift + count, shift]
        first = whole.astype(np.float32)
        first *= 1 / _FINE
        first += self._biases["near"]
        return np.maximum(first, 0, out=first)

    def _meet(self, new: Sequence[str]) -> None:
        """Work out the part of layer 1 of tokens that are new."""
        buckets = np.array([features(token, self._lists) for token in new], np.int64).reshape(len(new), FEATURES)
        vectors = self._vectors[buckets].sum(axis=1, dtype=np.int32) * self._scale
        start = len(self._rows) + 1
        parts = np.clip(np.rint(vectors @ self._near * _FINE), -_WIDEST, _WIDEST)
        self._table[start : start + len(new)] = parts.reshape(len(new), -1, self._hidden)
        self._rows.update(zip(new, range(start, start + len(new)), strict=True))

    def _second_layer(self, first: Array, at: Array) -> tuple[Array, Array, Array]:
        """Return those of some tokens that are something, their tags, and how probable these are."""
        reach = self._far_reach
        padded = np.zeros((len(first) + 2 * reach, self._hidden), np.float32)
        padded[reach : reach + len(first)] = first
        far = padded[at[:, None] + np.arange(2 * reach + 1)].reshape(len(at), len(self._far))
        scores = np.maximum(far @ self._far + self._biases["far"], 0) @ self._out + self._leans
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances = powers / powers.sum(axis=1, keepdims=True)
        tags = chances[:, 1:].argmax(axis=1) + 1
        sure = chances[np.arange(len(at)), tags]
        kept = _with_neighbours(at, nothing=chances[:, 0], tags=tags)
        return at[kept], tags[kept], sure[kept]

    def _runs(self, tags: Array, tokens: Sequence[str]) -> Iterator[_Run]:
        """Yield the findings as runs of tokens, marks at their ends cut off."""
        for run in self._lines(tags, tokens):
            trimmed = _trimmed(run, tokens)
            kind = self._tags[run.tag]
            if trimmed is not None and kind in self._kinds and _plausible(kind, tokens[trimmed.first : trimmed.last]):
                yield trimmed

    def _lines(self, tags: Array, tokens: Sequence[str]) -> Iterator[_Run]:
        """Yield runs of equal tags; only an address goes on in the next line."""
        for run in _equal(tags):
            first = run.first
            for at in range(run.first + 1, run.last) if self._tags[run.tag] not in _OF_MANY_LINES else ():
                if "\n" in tokens[at]:
                    yield _Run(first, at, run.tag)
                    first = at
            yield _Run(first, run.last, run.tag)


def _with_neighbours(at: Array, *, nothing: Array, tags: Array) -> Array:
    """Tell which of the tokens `at` are something: where nothing is improbable, and beside such a token, whose tag they take, where it is less probable."""
    sure = nothing < _DOUBT
    kept = sure.copy()
    if not sure.any():
        return kept
    maybe = np.flatnonzero(~sure & (nothing < _DOUBT_BESIDE))
    for step in (-1, 1):
        near = maybe[(maybe + step >= 0) & (maybe + step < len(at))]
        near = near[sure[near + step] & (at[near + step] - at[near] == step) & ~kept[near]]
        tags[near] = tags[near + step]
        kept[near] = True
    return kept


def _equal(tags: Array) -> Iterator[_Run]:
    """Yield the runs of equal tags that are not nothing."""
    borders = np.flatnonzero(np.diff(tags, prepend=0, append=0))
    for first, last in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        if tags[first]:
            yield _Run(first, last, int(tags[first]))


def _trimmed(run: _Run, tokens: Sequence[str]) -> _Run | None:
    first, last = run.first, run.last
    while first < last and not tokens[first].strip()[:1].isalnum():
        first += 1
    while last > first and not tokens[last - 1].strip()[-1:].isalnum():
        last -= 1
    return _Run(first, last, run.tag) if first < last else None


def _plausible(kind: str, tokens: Sequence[str]) -> bool:
    """Tell whether that can be of this kind: an age has a digit, a name a letter and a word that may be a name. Digits are masked as 0."""
    if kind in {"address", "date"}:
        return True
    words = [token.strip() for token in tokens]
    if kind == "phone":
        return _can_be_dialled(words)
    if kind == "age":
        return any("0" in word for word in words)
    return any(word.lower() not in _CLOSED and any(map(str.isalpha, word)) for word in words)


def _can_be_dialled(words: Sequence[str]) -> bool:
    """Tell a telephone number from an amount, a day, or the number of a thing, which have a comma, few digits, or letters among them."""
    numbers = [word.lower() for word in words if "0" in word]
    if "," in words or sum(word.count("0") for word in numbers) < _LEAST_DIALLED or _NO_NUMBER.fullmatch("".join(words)):
        return False
    return all(letter in _EXTENSION for word in numbers for letter in word if letter.isalpha())
