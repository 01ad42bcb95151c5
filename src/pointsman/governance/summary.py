"""
What a private target is asked for when only a summary may leave, and what a summary must not do. Whether it may go is then judged like any other call.

Words that only a declaration covers no detector knows, so they are looked for themselves: nothing of the call's own texts goes along, and a summary that
repeats a stretch of them is none. Single words that a summary takes over are not noticed.
"""

import unicodedata
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from pointsman.core.call import Call, Text, ToolResult, Turn
from pointsman.core.label import INTERNAL, Label
from pointsman.core.target import Target
from pointsman.core.verdict import Obligation, Verdict
from pointsman.governance.detection.scanner import EXPANSION, FREE_CHARACTERS
from pointsman.governance.detection.views.budget import Budget, SpentError
from pointsman.governance.detection.views.unfold import views
from pointsman.governance.filtering.tree import spots

MOST_TOKENS: Final = 1000
_LONGEST_SETTING: Final = 100  # bytes
_INSTRUCTION: Final = (
    "Restate the request below in your own words, so that somebody outside can answer it. Keep the question and the facts it needs. Leave out whatever would "
    "tell who or what it is about: names, numbers, addresses, inner details. Answer with the restated request alone.\n\n{}"
)
# Of the call, every so many letters and digits a run is looked for. So a stretch of 48, about ten words, holds one, wherever it begins.
_RUN: Final = 33
_EVERY: Final = 16


def is_for_summary(verdict: Verdict, target: Target) -> bool:
    """Tell whether only a summary of a call may go to a target."""
    return any(duty.obligation is Obligation.SUMMARISE for duty in verdict.owes(target))


def question(call: Call) -> str:
    """Return the words in which a summary of a call is asked for."""
    told = [f"system: {one.text}" for one in call.system]
    return _INSTRUCTION.format("\n".join([*told, *(f"{turn.role.value}: {_words(turn)}" for turn in call.turns)]))


def bare(call: Call) -> Call:
    """Return the call with those settings alone that hold no text of its own: a summary must not take along what stands beside it."""
    return replace(call, wire={name: value for name, value in call.wire.items() if _is_setting(name, value)}, headers=())


def _is_setting(name: str, value: object) -> bool:
    # Numbers and protocol words are no texts, but a row of them can spell anything.
    told = msgspec.json.encode(value)
    return len(told) <= _LONGEST_SETTING and b"[" not in told and not spots({name: value})


def lowered(label: Label) -> Label:
    """Return what a summary is before it is looked through: no more than internal. Where, for what and how long it may be used stays as it was."""
    return replace(label, classes=INTERNAL.classes, level=INTERNAL.level)


def is_unfit(call: Call, short: Call) -> bool:
    """
    Tell whether a summary cannot stand for a call: it repeats a stretch of it word for word, in whatever form, or the call demands a form of the answer that
    says something itself.
    """
    if call.schema is not None and short.schema is None:
        return True
    told = {form[at : at + _RUN] for form in _forms(short) for at in range(len(form) - _RUN + 1)}
    return any(run in told for spot in spots(call.wire) if spot.media_type is None for run in _runs(_letters(spot.text)))


def _forms(short: Call) -> Iterator[str]:
    for spot in spots(short.wire):
        budget = Budget(characters=FREE_CHARACTERS + EXPANSION * len(spot.text))
        try:
            for view in views(spot.text, budget):
                if view is not None:
                    letters = _letters(view.text)
                    yield letters
                    yield letters[::-1]
        except SpentError:
            yield _letters(spot.text)  # the judge, who looks too, takes it for unknown


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _runs(letters: str) -> Iterator[str]:
    return (letters[at : at + _RUN] for at in range(0, len(letters) - _RUN + 1, _EVERY))


def _words(turn: Turn) -> str:
    said: list[str] = []
    for part in turn.parts:
        if isinstance(part, Text):
            said.append(part.text)
        elif isinstance(part, ToolResult):
            said.extend(one.text for one in part.parts if isinstance(one, Text))
    return " ".join(said)
