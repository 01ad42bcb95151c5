"""
What the texts of a call hold: every detector over every form of every text, mapped back to the characters as given.

A detector that raises and a scan that is late make the answer incomplete, never wrong in silence: the caller then takes the strictest label.
Nothing here decides what a finding means for a call, and nothing keeps a text.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from pointsman.governance.detection.kinds import PROVEN
from pointsman.governance.detection.memory import Memory
from pointsman.governance.detection.neighbours import across
from pointsman.governance.detection.overlaps import settled
from pointsman.governance.detection.pieces import is_cut, pieces
from pointsman.governance.detection.views.budget import Budget, SpentError
from pointsman.governance.detection.views.unfold import views
from pointsman.governance.detection.views.view import View
from pointsman.governance.finding import Finding

VIEWS = "views"
SCANNER = "scanner"
EXPANSION = 10
FREE_CHARACTERS = 262_144


class Detector(Protocol):
    """
    Finds things in a text. Pure: the same text gives the same findings.

    `name` says who and which version, such as `structured/1`. A detector may have `reads_squeezed = True` to be given also forms of a text whose spaces
    are gone (spelled, drawn together, read from the end): good for identifiers, useless for sentences.
    """

    @property
    def name(self) -> str:
        """Who it is, with its version."""
        ...

    def find(self, text: str) -> Iterable[Finding]:
        """Return findings in characters of this text."""
        ...


class Scan(Struct, frozen=True, kw_only=True):
    """
    What was found, for each text given in its order. `complete` is False where a detector failed or something was not read; `failed` names who:
    detectors, `views` (a text in disguise that unfolds without end) or `scanner` (too long or too late).
    """

    findings: tuple[tuple[Finding, ...], ...]
    complete: bool
    failed: tuple[str, ...] = ()


class Scanner:
    """
    Runs detectors over texts.

    `clock` gives seconds that only grow. A scan may take `budget_s` of own time and read `max_chars` of texts; `cache_texts` texts are remembered, known by
    a hash with `key`, which nobody else should know.
    """

    def __init__(
        self,
        detectors: Sequence[Detector],
        *,
        clock: Callable[[], float],
        budget_s: float = 1.0,
        max_chars: int = 4_000_000,
        cache_texts: int = 4096,
        key: bytes,
    ) -> None:
        self._detectors = tuple(detectors)
        self._squeezed = tuple(detector for detector in detectors if getattr(detector, "reads_squeezed", False))
        self._clock = clock
        self._budget_s = budget_s
        self._max_chars = max_chars
        self._memory = Memory(size=cache_texts, key=key)

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds that only grow."""
        return self._clock

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the detectors, for records."""
        return tuple(detector.name for detector in self._detectors)

    def scan(self, texts: Sequence[str]) -> Scan:
        """Return what the texts hold. Never raises for what a text or a detector does."""
        steps = self.steps(texts)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return done.value

    def steps(self, texts: Sequence[str]) -> Generator[None, None, Scan]:
        """Do the same in steps of some milliseconds at most; the value of the generator is what `scan` returns."""
        work = _Work(self._detectors, self._squeezed, clock=self._clock, budget_s=self._budget_s)
        found: list[tuple[Finding, ...]] = []
        left = self._max_chars
        for text in texts:
            digest = self._memory.digest(text)
            known = self._memory.recall(digest)
            left -= 0 if known is not None else len(text)
            if known is None and left < 0:
                work.failed.add(SCANNER)
                known = ()
            if known is None:
                failures = len(work.failed)
                raw: list[Finding] = []
                for some in work.through(text):
                    raw += some
                    work.budget.pause()
                    yield
                    work.budget.resume()
                known = settled(raw, text)
                if len(work.failed) == failures and not failures:
                    self._memory.keep(digest, known)
            found.append(known)
        for part in across(texts, tuple(found), find=work.find_squeezed):
            if part:
                found[part.number] = settled((*found[part.number], part.finding), texts[part.number])
            elif work.is_late:
                break
            else:
                work.budget.pause()
                yield
                work.budget.resume()
        return Scan(findings=tuple(found), complete=not work.failed, failed=tuple(sorted(work.failed)))


class _Work:
    """One scan under way: who failed, and what is left of its budget."""

    def __init__(self, detectors: tuple[Detector, ...], squeezed: tuple[Detector, ...], *, clock: Callable[[], float], budget_s: float) -> None:
        self._detectors = detectors
        self._squeezed = squeezed
        self._clock = clock
        self.failed: set[str] = set()
        self.budget = Budget(characters=FREE_CHARACTERS, clock=clock, time_s=budget_s)

    @property
    def is_late(self) -> bool:
        """Tell whether the time is used up, and note it."""
        if self.budget.is_late:
            self.failed.add(SCANNER)
        return self.budget.is_late

    def through(self, text: str) -> Iterator[list[Finding]]:
        """Yield the findings of one text, piece by piece."""
        self.budget.allow(FREE_CHARACTERS + EXPANSION * len(text))
        forms = views(text, self.budget)
        while True:
            try:
                view = next(forms)
            except StopIteration:
                return
            except SpentError:
                self.failed.add(SCANNER if self.budget.is_late else VIEWS)
                return
            except Exception:  # noqa: BLE001 - no text may stop a scan; that it was not read whole is told
                self.failed.add(VIEWS)
                return
            if view is None:
                yield []
                continue
            for start, end in pieces(len(view.text)):
                if self.is_late:
                    return
                yield list(self._in_piece(view, start, end=end))

    def find_squeezed(self, text: str) -> Iterator[Finding]:
        """Yield what the readers of squeezed texts find in this one as it stands."""
        for detector in self._squeezed:
            yield from self._asked(detector, text)

    def _in_piece(self, view: View, start: int, *, end: int) -> Iterator[Finding]:
        length = len(view.text)
        text = view.text[start:end]
        backwards = view.is_backwards
        for detector in self._squeezed if view.squeezed else self._detectors:
            for finding in self._asked(detector, text):
                believed = finding.kind in PROVEN or not backwards
                if believed and not is_cut(finding, length=length, start=start, end=end):
                    begin, stop = view.origin(start + finding.start, start + finding.end)
                    yield replace(finding, start=begin, end=stop)

    def _asked(self, detector: Detector, text: str) -> Iterator[Finding]:
        """Ask one detector. What it found before it failed counts."""
        answers: Any = None
        try:
            answers = iter(detector.find(text))
            for finding in answers:
                if 0 <= finding.start < finding.end <= len(text):
                    yield finding
                else:
                    self.failed.add(detector.name)
        except Exception:  # noqa: BLE001 - a detector may be anybody's; whatever it raises, the label becomes the strictest
            self.failed.add(detector.name)
