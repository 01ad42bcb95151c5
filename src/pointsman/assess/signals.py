"""
What speaks for and against an answer, as numbers: the evidence of a grade. Cheap, pure, and without a word list where a rule will do.
"""

from collections.abc import Sequence

from pointsman.core.call import Call, Refusal, Text
from pointsman.core.reply import Finish, Reply


def evidence(reply: Reply, call: Call, *, passages: Sequence[str] = ()) -> dict[str, float]:
    """Return the signals of a whole reply that can be read: name → number. `passages` are what the answer should rest on, beside the prompt."""
    refused = reply.finish is Finish.REFUSED or any(isinstance(part, Refusal) for part in reply.parts)
    return {"refuses": float(refused), "truncated": float(reply.finish is Finish.LENGTH), "length": float(len(text_of(reply)))}


def text_of(reply: Reply) -> str:
    """Return the words of the answer."""
    return "".join(part.text for part in reply.parts if isinstance(part, Text))


def agreement(one: str, other: str) -> float:
    """Return how far two answers say the same, in 0..1."""
    return float(one.split() == other.split())
