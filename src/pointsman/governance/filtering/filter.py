"""
A body as one target may see it: what was found is taken out for good, or replaced by pseudonyms that the answer is freed of again.

- What was found in one place is replaced in every place, names of fields included: a value that one detector saw once does not leave through another field.
- Where findings overlap, their union is replaced. What must be taken out wins over what may be replaced.
- A file with a finding is taken out whole: nothing can be replaced within it.
- Reasoning that comes back as it was shown, under our seal, is sent as its vendor wrote it (`thoughts`).
- A text in the request that looks like a pseudonym of this call is replaced by one of its own. So restoring gives back what was there, and nobody reads a
  value by writing its pseudonym.

Pure: texts and findings in, a new body out. Whether something is due at a target is judged elsewhere.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import ahocorasick
from msgspec import Struct

from pointsman.core.label import SECRET
from pointsman.core.verdict import Duty, Obligation
from pointsman.governance.filtering.canonical import redaction
from pointsman.governance.filtering.matching import Matcher
from pointsman.governance.filtering.pseudonyms import LITERAL, Namer
from pointsman.governance.filtering.restore import Restorer, wants_json
from pointsman.governance.filtering.thoughts import thinks
from pointsman.governance.filtering.tree import HEADER, rewritten, spots
from pointsman.governance.finding import Finding, Path, Spot

_SHORTEST: Final = 3  # characters of a value that is replaced wherever it stands, not only where it was found
_SHORTEST_UNSPACED: Final = 2  # the same in scripts that write no spaces
_UNSPACED: Final = "\u2e80"  # the first of their characters
# A name within a longer one within a longer one: what repeats them all over takes time with the square of its length, and nobody writes so.
_CHARACTERS_PER_VALUE: Final = 2
_FREE_VALUES: Final = 1000
_ROUNDS: Final = 4
# Fields in which only letters, digits, underscores and hyphens may stand, and in which two values must stay two.
_NAMES: Final = frozenset({"name", "id", "tool_call_id", "tool_use_id"})


class NotFilterable(Exception):
    """What was found cannot be replaced where it stands, so the target that demands it may not be used. Remedy: send it as text, or to another target."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"What was found at `{'.'.join(map(str, path))}` cannot be replaced there. Send it as text, or choose a target that may see it.")
        self.path = path


class Filtered(Struct, frozen=True, kw_only=True):
    """
    What a target is sent: a body, its heeded headers, and how often something of each kind was replaced.

    `restorer` puts the values back into the answer; None if nothing can be put back.
    """

    wire: dict[str, object]
    headers: tuple[tuple[str, str], ...]
    restorer: Restorer | None
    count_by_kind: Mapping[str, int]


class _Told(NamedTuple):
    """A text as it is sent, what it must be once it is restored, and the kinds of what was replaced in it."""

    new: str
    meant: str
    kinds: list[str]


class _Span(NamedTuple):
    """Characters that are replaced together; with `is_out` for good."""

    start: int
    end: int
    kind: str
    is_out: bool


def filtered(
    wire: Mapping[str, object],
    found: Iterable[tuple[Spot, Sequence[Finding]]],
    *,
    duties: frozenset[Duty],
    names: Namer,
    headers: tuple[tuple[str, str], ...] = (),
) -> Filtered:
    """
    Return the body with the duties of a target done, as far as they are to redact or to pseudonymise.

    `found` holds the findings in the texts of this very body, as `spots` lists them. Raises `NotFilterable`.
    """
    out = {duty.data_class: False for duty in duties if duty.obligation is Obligation.PSEUDONYMISE}
    out |= {duty.data_class: True for duty in duties if duty.obligation is Obligation.REDACT}
    due = [(spot, [one for one in ones if one.data_class in out]) for spot, ones in found]
    work = _Work(wire, headers=headers, names=names, hidden=frozenset(out))
    for spot, ones in due:
        if ones:
            work.add(spot, [_Span(max(one.start, 0), min(one.end, len(spot.text)), one.kind, out[one.data_class]) for one in ones])
    if not work.is_idle:
        work.spread()
        work.escape()
    return work.done()


class _Work:
    """The body of one call on its way to one target."""

    def __init__(self, wire: Mapping[str, object], *, headers: tuple[tuple[str, str], ...], names: Namer, hidden: frozenset[str]) -> None:
        self._wire = wire
        self._headers = headers
        self._names = names
        self._texts = {spot.path: spot for spot in spots(wire, headers) if spot.media_type is None}
        self._spans: dict[Path, list[_Span]] = {}
        self._files: dict[Path, object] = {}
        self._told: dict[Path, _Told] = {}
        self._seals = names.seals(hidden - {SECRET})
        self._leaves = bool(hidden - {SECRET})  # secrets are taken out at the door already, where nothing is sent anywhere
        self._proven: dict[Path, str] = {}
        self._aside: dict[Path, tuple[Spot, list[_Span]]] = {}
        for signature, reasoning, thought in tuple(self._seals.among(self._texts)):
            if self._leaves and thought.text is not None:
                self._proven[reasoning] = thought.text
            self._proven[signature] = thought.signature
        for path in self._proven:
            self._aside[path] = (self._texts.pop(path), [])

    @property
    def is_idle(self) -> bool:
        return not self._spans and not self._files

    def add(self, spot: Spot, spans: list[_Span]) -> None:
        """Take in what is due in one text of the body."""
        if spot.media_type is not None:
            self._files[_part_of(spot.path)] = {"type": "text", "text": "[file removed]"}
        elif spot.path in self._aside:
            self._aside[spot.path][1].extend(spans)
        elif self._texts[spot.path].text != spot.text:
            raise ValueError(f"the findings at {spot.path} belong to another text")
        else:
            self._spans.setdefault(spot.path, []).extend(span for span in spans if span.start < span.end)

    def spread(self) -> None:
        """Replace what was found in every other place where it stands too, as a whole word."""
        known: dict[str, _Span] = {}
        told: set[str] = set()  # what the model has not said itself
        for path, spans in self._spans.items():
            for span in spans:
                value = self._texts[path].text[span.start : span.end].strip()
                if _spreads(value):
                    known[value] = span if span.is_out else known.get(value, span)
                    told |= set() if self._is_of_model(path) else {value}
        if not known:
            return
        self._doubt(told)
        search = _Search(known, sum(len(spot.text) for spot in self._texts.values()))
        for path, spot in self._texts.items():
            spans = self._spans.get(path, [])
            edges = frozenset(edge for span in spans for edge in (span.start, span.end))
            more = [known[value]._replace(start=start, end=end) for start, end, value in search.standing(spot, edges=edges)]
            if more:
                self._spans[path] = spans + more

    def _doubt(self, told: set[str]) -> None:
        """Filter proven reasoning like any other text if it holds a value that is hidden now and was not when it was written."""
        search = _Search(told, sum(map(len, self._proven.values())))
        for path, text in tuple(self._proven.items()) if told else ():
            if path[-1] != "signature" and any(search.standing(Spot(path=path, text=text))):
                del self._proven[path]
                self._texts[path], self._spans[path] = self._aside[path]

    def _is_of_model(self, path: Path) -> bool:
        return path[0] == "messages" and cast("Any", self._wire["messages"])[path[1]].get("role") == "assistant"

    def escape(self) -> None:
        """Make sure that restoring gives back every text: what looks like a pseudonym of this call gets one of its own."""
        for attempt in range(_ROUNDS):
            self._told = {path: self._instead(path) for path in self._spans}
            matcher = Matcher(self._names.originals)
            wrong = [path for path in self._texts if not self._comes_back(path, matcher)]
            if not wrong:
                return
            for path in wrong:
                self._spans.setdefault(path, []).extend(self._alike(path, matcher, is_last=attempt > 0))
        raise NotFilterable(next(iter(self._spans)))

    def _comes_back(self, path: Path, matcher: Matcher) -> bool:
        told = self._told.get(path)
        return not matcher.find(self._texts[path].text) if told is None else matcher.restored(told.new) == told.meant

    def _alike(self, path: Path, matcher: Matcher, *, is_last: bool) -> list[_Span]:
        text = self._texts[path].text
        alike = [_Span(match.start, match.end, LITERAL, is_out=False) for match in matcher.find(text)]
        # What only together with a pseudonym looks like another: all of the text gets one.
        return [_Span(0, len(text), LITERAL, is_out=False)] if is_last or not alike else alike

    def _instead(self, path: Path) -> _Told:
        spot = self._texts[path]
        new: list[str] = []
        meant: list[str] = []
        kinds: list[str] = []
        at = 0
        for span in _merged(spot.text, self._spans[path]):
            value = spot.text[span.start : span.end]
            told = self._out(spot, span.kind, value=value) if span.is_out else self._names.name(span.kind, value)
            new += (spot.text[at : span.start], told)
            meant += (spot.text[at : span.start], told if span.is_out else value)
            kinds.append(span.kind)
            at = span.end
        return _Told("".join((*new, spot.text[at:])), "".join((*meant, spot.text[at:])), kinds)

    def _out(self, spot: Spot, kind: str, *, value: str) -> str:
        return self._names.removed(kind, value) if spot.is_key or spot.path[-1] in _NAMES else redaction(kind, value)

    def done(self) -> Filtered:
        """Return the body as it is now."""
        headers = list(self._headers)
        changes: dict[Path, object] = dict(self._files)
        counts = Counter({"file": len(self._files)} if self._files else {})
        for path, told in self._told.items():
            if not told.kinds or any(path[: len(file)] == file for file in self._files):
                continue
            counts.update(kind for kind in told.kinds if kind != LITERAL)
            if path[0] == HEADER:
                position = cast("int", path[1])
                headers[position] = (headers[position][0], told.new)
            else:
                changes[path] = told.new
        if self._leaves and self._proven:
            changes |= self._proven
            counts["thought"] = sum(path[-1] == "signature" for path in self._proven)
        originals = self._names.originals
        restores = originals or (self._leaves and thinks(self._wire))
        seals = self._seals if self._leaves else None
        return Filtered(
            wire=rewritten(self._wire, changes),
            headers=tuple(headers),
            restorer=Restorer(originals, answers_json=wants_json(self._wire), seals=seals) if restores else None,
            count_by_kind=counts,
        )


def _part_of(path: Path) -> Path:
    """Return the path of the part of a message that a file stands in. Raises `NotFilterable` if it stands elsewhere."""
    for last in range(len(path) - 1, 0, -1):
        if path[last - 1] == "content" and isinstance(path[last], int):
            return path[: last + 1]
    raise NotFilterable(path)


def _spreads(value: str) -> bool:
    return len(value) >= (_SHORTEST_UNSPACED if value and min(value) >= _UNSPACED else _SHORTEST)


class _Search:
    """Finds all of some values in one pass over each of some texts of `size` characters together."""

    def __init__(self, values: Iterable[str], size: int) -> None:
        self._automaton = cast("Any", ahocorasick).Automaton()
        for value in values:
            self._automaton.add_word(value, value)
        self._automaton.make_automaton()
        self._left = size // _CHARACTERS_PER_VALUE + _FREE_VALUES

    def standing(self, spot: Spot, *, edges: frozenset[int] = frozenset()) -> Iterator[tuple[int, int, str]]:
        """Yield where values stand as whole words: start, end and value. Raises `NotFilterable` where values within values stand all over the texts."""
        text = spot.text
        for last, value in self._automaton.iter(text):
            self._left -= 1
            if self._left < 0:
                raise NotFilterable(spot.path)
            start, end = last + 1 - len(value), last + 1
            if not (_joins(text, start, edges=edges) or _joins(text, end, edges=edges)):
                yield start, end, value


def _joins(text: str, at: int, *, edges: frozenset[int]) -> bool:
    """Tell whether the characters before and at a position belong to one word. What is replaced ends at `edges`."""
    if at in edges or not 0 < at < len(text):
        return False
    pair = text[at - 1 : at + 1]
    return pair.isalnum() and max(pair) < _UNSPACED


def _merged(text: str, spans: list[_Span]) -> list[_Span]:
    """Return spans that do not overlap: unions of what is replaced, cut where something is taken out."""
    out = _unions([span for span in spans if span.is_out])
    kept: list[_Span] = list(out)
    first = 0  # of those taken out, the first that ends behind the beginning of the span: spans come in order, so nobody looks twice
    for span in _unions([span for span in spans if not span.is_out]):
        while first < len(out) and out[first].end <= span.start:
            first += 1
        at, start = first, span.start
        while at < len(out) and out[at].start < span.end:
            kept.extend(_piece(text, span, start=start, end=out[at].start))
            start = out[at].end
            at += 1
        kept.extend(_piece(text, span, start=start, end=span.end))
    return sorted(kept)


def _piece(text: str, span: _Span, *, start: int, end: int) -> Iterator[_Span]:
    if start < end and text[start:end].strip():
        yield span._replace(start=start, end=end)


def _unions(spans: list[_Span]) -> list[_Span]:
    """Return the unions of overlapping spans. Each is of the kind of its longest part."""
    told: list[_Span] = []
    longest = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        length = span.end - span.start
        if told and span.start < told[-1].end:
            last = told[-1]
            told[-1] = last._replace(end=max(last.end, span.end), kind=span.kind if length > longest else last.kind)
            longest = max(longest, length)
        else:
            told.append(span)
            longest = length
    return told
