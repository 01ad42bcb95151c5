"""
What `routing` of a capability must make sense of: names that stand in its ladder, bounds that leave room, and wishes that do not contradict each other.
"""

import difflib
from collections.abc import Collection, Iterator, Mapping
from itertools import chain

from msgspec import ValidationError, convert

from pointsman.core.target import Target
from pointsman.settings.mistakes import Mistake
from pointsman.settings.routing import WORDS, criterion
from pointsman.settings.routing_shape import Criteria, Routing
from pointsman.settings.shape import Capability, File
from pointsman.settings.yaml_text import Path, Text, dotted


class RoutingMeaning:
    """Finds what is wrong in the sections `routing`."""

    def __init__(self, text: Text, file: File) -> None:
        self._text = text
        self._file = file

    def check(self, targets: Mapping[str, Target]) -> list[Mistake]:
        """Return the mistakes, in the order of the file; `targets` are those that could be made."""
        told = ((name, one, one.routing) for name, one in self._file.capabilities.items())
        return list(chain.from_iterable(self._routing(name, one, told=routing, targets=targets) for name, one, routing in told if routing is not None))

    def _routing(self, name: str, capability: Capability, *, told: Routing, targets: Mapping[str, Target]) -> Iterator[Mistake]:
        path: Path = ("capabilities", name, "routing")
        ladder = capability.ladder
        if told.incumbent is not None and told.incumbent not in ladder:
            yield self._mistake((*path, "incumbent"), f"`{told.incumbent}` is not in the ladder of `{name}`.", remedy=_near(told.incumbent, ladder))
        for index, checked in enumerate(told.check or ()):
            if checked not in ladder:
                yield self._mistake((*path, "check", index), f"`{checked}` is not in the ladder of `{name}`.", remedy=_near(checked, ladder))
        if told.check and len(ladder) < 2:  # noqa: PLR2004 - one target and another
            yield self._mistake(
                (*path, "check"), "a doubtful answer could go nowhere: the ladder has one target.", remedy="Add a target, or leave `check` out."
            )
        yield from self._beside((*path, "second"), told.second, targets=targets)
        yield from self._beside((*path, "judge"), told.judge, targets=targets)
        yield from self._evidence(path, told)
        yield from self._wishes(path, told)
        for criterion_name, bounds in told.requests_may_set.items():
            yield from self._bounds((*path, "requests_may_set", criterion_name), criterion_name, bounds=bounds)

    def _beside(self, path: Path, name: str | None, *, targets: Mapping[str, Target]) -> Iterator[Mistake]:
        if name is None:
            return
        target = targets.get(name)
        if target is None:
            yield self._mistake(path, f"there is no target `{name}`.", remedy=_near(name, targets))
        elif target.desk is not None:
            yield self._mistake(path, f"`{name}` are people, who are not asked beside an answer.", remedy="Name a model.")

    def _evidence(self, path: Path, told: Routing) -> Iterator[Mistake]:
        for index, sure in enumerate(told.logprobs):
            if sure not in (told.check or ()):
                yield self._mistake((*path, "logprobs", index), f"the answers of `{sure}` are not checked.", remedy="Name it under `check` too.")
        if told.second is not None and not told.check:
            yield self._mistake((*path, "second"), "nothing is checked, so nobody asks a second one.", remedy="Name targets under `check`.")
        if told.samples and not told.check:
            yield self._mistake((*path, "samples"), "nothing is checked, so nobody asks again.", remedy="Name targets under `check`.")
        if told.judge is not None and not (told.check or told.shadow is not None):
            says = "there is nothing to grade: no answer is checked, and nobody is asked too."
            yield self._mistake((*path, "judge"), says, remedy="Name targets under `check`, or add `shadow`.")
        if told.agree_on and not (told.second is not None or told.samples or told.shadow is not None):
            yield self._mistake((*path, "agree_on"), "no two answers are compared.", remedy="Add `second`, `samples` or `shadow`, or leave it out.")

    def _wishes(self, path: Path, told: Routing) -> Iterator[Mistake]:
        if told.guarantee and told.explore is not None:
            says = "a trial would leave the incumbent without a certificate."
            yield self._mistake((*path, "explore"), says, remedy="Learn from `shadow` calls instead, or leave `guarantee` out.")
        if told.criteria.quality_floor == 0 and told.criteria.confidence != Criteria().confidence:
            says = "there is no floor to be confident of."
            yield self._mistake((*path, "criteria", "confidence"), says, remedy="Add `quality_floor`, or leave it out.")

    def _bounds(self, path: Path, name: str, *, bounds: list[float | str]) -> Iterator[Mistake]:
        if len(bounds) != 2:  # noqa: PLR2004 - the least and the most
            yield self._mistake(path, "this must be two values.", remedy="Write the least and the most, such as `[0, 10]`.")
            return
        for index, told in enumerate(bounds):
            if (fault := _fault(name, told)) is not None:
                yield self._mistake((*path, index), fault, remedy=_known(name))
                return
        if criterion(name, bounds[0]) > criterion(name, bounds[1]):
            yield self._mistake(path, "the least is more than the most, so no request could set it.", remedy="Write the least first.")

    def _mistake(self, path: Path, says: str, *, remedy: str) -> Mistake:
        return Mistake(file=self._text.file, path=dotted(path), line=self._text.line(path), says=says, remedy=remedy)


def _fault(name: str, told: float | str) -> str | None:
    """Return what is wrong with a value of a criterion, or None. What the capability itself might not say, no request may either."""
    if name not in WORDS and isinstance(told, str):
        return f"`{told}` is no number."
    try:
        convert({name: told}, Criteria)
    except ValidationError as error:
        return f"`{told}` cannot be set ({str(error).partition(' - at')[0].lower()})."
    return None


def _known(name: str) -> str:
    words = WORDS.get(name)
    return f"Write {' or '.join(f'`{word}`' for word in words)}." if words else f"Write what `criteria.{name}` could be."


def _near(name: str, known: Collection[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Did you mean `{found[0]}`?" if found else f"Known: {', '.join(f'`{one}`' for one in sorted(known))}."
