"""
What speaks for and against an answer, as numbers: the evidence of a grade. Cheap and pure; what a single answer cannot show (agreement) is added where it
is known. A signal that cannot be read is left out, which is not the same as 0.
"""

import re
from collections.abc import Sequence
from typing import Final

from pointsman.assess.declining import declines, doubts
from pointsman.assess.figures import from_nowhere, sums
from pointsman.assess.grounding import grounding, read, words
from pointsman.core.call import Call, Refusal, Text, ToolResult
from pointsman.core.reply import Finish, Reply

_OPEN: Final = "([{"
_CLOSED: Final = ")]}"
_ENDS: Final = frozenset(".!?。！？…:)]}\"'`*>|”»")  # noqa: RUF001 marks of East Asian scripts
_ASKS: Final = ("?", "？")  # noqa: RUF001
_BEFORE: Final = re.compile(r"[.!?。！？\n]\s")  # noqa: RUF001


def evidence(reply: Reply, call: Call, *, passages: Sequence[str] = ()) -> dict[str, float]:
    """Return the signals of a whole reply that can be read: name → number. `passages` are what the answer should rest on, beside the prompt."""
    refused = reply.finish is Finish.REFUSED or any(isinstance(part, Refusal) for part in reply.parts)
    found = of_text(asked(call), text_of(reply), passages=passages)
    found["refused"] = float(refused)
    found["truncated"] = float(reply.finish is Finish.LENGTH)
    if reply.logprobs is not None:
        found["logprob_mean"], found["logprob_min"] = reply.logprobs
    return found


def of_text(prompt: str, answer: str, *, passages: Sequence[str] = ()) -> dict[str, float]:
    """Return the signals that a prompt and an answer show as texts. `passages` are what the answer should rest on, beside the prompt."""
    said, asked_for = read(answer), read(prompt)
    source = read("\n".join((prompt, *passages))) if passages else asked_for
    stated = sums(said.text)
    found = {
        "declines": declines(answer),
        "doubts": doubts(said),
        "cut": _cut(answer),
        "addresses": _addresses(prompt, answer),
        "sums_right": float(stated.right),
        "sums_wrong": float(stated.wrong),
        "from_nowhere": from_nowhere(stated, source.figures),
    }
    found.update(_last_figure(said.figures, source.figures, results=stated.results))
    wanted = set(asked_for.figures)
    if wanted:
        found["figures_unused"] = len(wanted.difference(said.figures)) / len(wanted)
    found.update(grounding(said, source))
    return found


def asked(call: Call) -> str:
    """Return the words that an answer has to go by: all that was said, and what tools answered."""
    found = [part.text for part in call.system]
    for turn in call.turns:
        for part in turn.parts:
            if isinstance(part, Text):
                found.append(part.text)
            elif isinstance(part, ToolResult):
                found.extend(each.text for each in part.parts if isinstance(each, Text))
    return "\n".join(found)


def text_of(reply: Reply) -> str:
    """Return the words of the answer."""
    return "".join(part.text for part in reply.parts if isinstance(part, Text))


def _cut(answer: str) -> float:
    """Return how much an answer looks as if it ended in the middle: brackets or a block left open, or a last line that is a sentence without an end."""
    text = answer.rstrip()
    if not text:
        return 1.0
    left_open = any(text.count(start) > text.count(end) for start, end in zip(_OPEN, _CLOSED, strict=True)) or text.count("```") % 2 == 1
    last = text[text.rfind("\n") + 1 :]
    unended = len(last) > 24 and " " in last and text[-1] not in _ENDS and not text[-1].isdigit()  # noqa: PLR2004 a shorter line is a title or a value
    return (2.0 * left_open + unended) / 3


def _addresses(prompt: str, answer: str) -> float:
    """Return what share of the last question's words the end of the answer takes up; of the prompt's end, if it asks nothing."""
    end = max(prompt.rfind(mark) for mark in _ASKS)
    question = _BEFORE.split(prompt[max(0, end - 300) : end])[-1] if end >= 0 else prompt[-200:]
    wanted = set(words(question))
    return len(wanted & set(words(answer[-300:]))) / len(wanted) if wanted else 0.0


def _last_figure(said: Sequence[float], given: Sequence[float], *, results: Sequence[float]) -> dict[str, float]:
    """Return what the last figure of an answer shows; nothing if there is none. It is most often the answer itself."""
    if not said:
        return {}
    last = said[-1]
    return {
        "ends_whole": float(last.is_integer()),
        "ends_given": float(last in given),
        "ends_result": float(bool(results) and last == results[-1]),
        "ends_repeated": min(said.count(last), 4) / 4,
    }
