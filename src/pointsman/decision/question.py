"""
What of a call is looked at to predict its answer: the question that stands last, without its pictures and tools.
"""

from typing import Final

from pointsman.core.call import Call, Role, Text
from pointsman.decision.prediction.values import Prompt

_CHARS_PER_TOKEN: Final = 4
_LONGEST: Final = 8000  # characters; what lies in the middle of a longer question is a document rather than a question


def question(call: Call, *, capability: str, task: str = "") -> Prompt:
    """Return what is to be answered: the text of the last turn of the user that has any."""
    return Prompt(text=question_text(call), capability=capability, task=task, tokens_in=tokens_in(call))


def question_text(call: Call) -> str:
    """Return the last text of the user, of a long one its beginning and its end; empty if there is none."""
    for turn in reversed(call.turns):
        if turn.role is Role.USER:
            text = "\n".join([part.text for part in turn.parts if isinstance(part, Text)])
            if text:
                return shortened(text)
    return ""


def shortened(text: str) -> str:
    """Return a text, of a long one its beginning and its end."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}\n{text[-_LONGEST // 2 :]}"


def tokens_in(call: Call) -> int:
    """Return about how many tokens the whole call has."""
    return call.size_chars // _CHARS_PER_TOKEN + 1
