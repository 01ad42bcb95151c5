"""
The detector of secrets: keys in the form of their issuer, and values that a name, a place and their looks give away.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from pointsman.core.label import SECRET
from pointsman.governance.detection.kinds import GUESSED
from pointsman.governance.detection.linear import Linear, shadow
from pointsman.governance.detection.secrets_candidates import candidates
from pointsman.governance.detection.secrets_model import Model, shipped
from pointsman.governance.detection.secrets_patterns import KNOWN, Known
from pointsman.governance.finding import Finding

_SHORT: Final = 3
_MAX_BEFORE: Final = 40
_LONGEST: Final = max(len(begin) for known in KNOWN for begin in known.begins)
_MIN_VARIETY: Final = 6
_FILLER: Final = re.compile(r"(?i)x{5,}|a{6,}|0{8,}|1{8,}|\*{3,}|#{5,}|\.\.\.|example(?![a-z0-9])|your[_\-]|placeholder|12345678|abcdefgh|redacted|0123456")

# What stands in a name of a field from which a secret was taken out.
_OURS: Final = re.compile(r"REMOVED_[A-Z2-7]{8}")


class SecretDetector:
    """
    Finds secrets. A finding's span is exactly the secret, without name, quotes or scheme; its kind is `secret:` and what it is.

    A key in the form of its issuer has the score 1.0; any other the probability that the model gives it. Holds no state; its time is linear in
    the length of the text.
    """

    def __init__(self, model: Model | None = None) -> None:
        self._model = model or shipped()
        self.name = "secrets/1"
        self._by_begin = _by_begin(KNOWN)
        # Two passes: what a short mark takes with it must not hide a long one.
        self._marks = (_marks(begin for begin in self._by_begin if len(begin) > _SHORT), _marks(begin for begin in self._by_begin if len(begin) <= _SHORT))

    def find(self, text: str) -> Iterator[Finding]:
        """Yield the secrets of a text in their order, none overlapping another."""
        raw = shadow(text)
        found = [*self._known(text, raw), *self._guessed(text, raw)]
        starts: list[int] = []
        taken: list[Finding] = []
        for finding in sorted(found, key=lambda one: (-one.score, one.start - one.end, one.start)):
            at = bisect_left(starts, finding.start)
            if (at == 0 or taken[at - 1].end <= finding.start) and (at == len(taken) or finding.end <= taken[at].start):
                starts.insert(at, finding.start)
                taken.insert(at, finding)
        yield from taken

    def _known(self, text: str, raw: bytes) -> Iterator[Finding]:
        for marks in self._marks:
            until = 0
            for start, _ in marks.spans(raw):
                span = None if start < until else self._span_at(text, start)
                if span is not None:
                    until = span[1]
                    yield Finding(start=span[0], end=until, kind=f"secret:{span[2]}", data_class=SECRET, detector=self.name)

    def _span_at(self, text: str, start: int) -> tuple[int, int, str] | None:
        for size in range(_LONGEST, 0, -1):
            for known in self._by_begin.get(text[start : start + size], ()):
                span = _span(known, text, start=start)
                if span is not None:
                    return *span, known.what
        return None

    def _guessed(self, text: str, raw: bytes) -> Iterator[Finding]:
        for candidate in candidates(text, raw):
            if _OURS.fullmatch(text, candidate.start, candidate.end):
                continue
            score = self._model.score(text, candidate)
            if score >= self._model.threshold:
                yield Finding(start=candidate.start, end=candidate.end, kind=GUESSED, data_class=SECRET, detector=self.name, score=round(score, 4))


def _by_begin(known: tuple[Known, ...]) -> dict[str, tuple[Known, ...]]:
    """Return for each beginning the kinds of keys that may follow."""
    return {begin: tuple(one for one in known if begin in one.begins) for begin in {begin for one in known for begin in one.begins}}


def _marks(begins: Iterable[str]) -> Linear:
    # Two or three letters begin many words: what follows must be long before it is worth a look.
    return Linear(
        "|".join(re.escape(begin) + (r"[A-Za-z0-9_~.\-]{8}" if len(begin) <= _SHORT else "") for begin in sorted(begins, key=lambda one: (-len(one), one)))
    )


def _span(known: Known, text: str, *, start: int) -> tuple[int, int] | None:
    if not known.loose and start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_"):
        return None
    found = known.pattern.match(text, start)
    if found is None:
        return None
    first, last = found.span("value") if "value" in found.re.groupindex else found.span()
    if known.before is not None:
        before = known.before.search(text, max(0, start - _MAX_BEFORE), start)
        if before is None:
            return None
        first = before.start()
    if known.varied and not _is_varied(text[first if known.before else max(first, start + min(map(len, known.begins))) : last]):
        return None
    return first, last


def _is_varied(value: str) -> bool:
    """Return whether a value looks drawn by lot rather than typed to fill a place."""
    return len(set(value)) >= _MIN_VARIETY + len(value) // 20 and _FILLER.search(value) is None
