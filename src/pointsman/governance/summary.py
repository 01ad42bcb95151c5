"""
What a private target is asked for when only a summary may leave. Whether the summary may go is judged like any other call.
"""

from typing import Final

from pointsman.core.call import Call, Text, ToolResult, Turn

MOST_TOKENS: Final = 1000
_INSTRUCTION: Final = (
    "Restate the request below so that somebody outside can answer it. Keep the question and the facts it needs. Leave out whatever would tell who or "
    "what it is about: names, numbers, addresses, inner details. Answer with the restated request alone.\n\n{}"
)


def question(call: Call) -> str:
    """Return the words in which a summary of a call is asked for."""
    return _INSTRUCTION.format("\n".join(f"{turn.role.value}: {_words(turn)}" for turn in call.turns))


def _words(turn: Turn) -> str:
    said: list[str] = []
    for part in turn.parts:
        if isinstance(part, Text):
            said.append(part.text)
        elif isinstance(part, ToolResult):
            said.extend(one.text for one in part.parts if isinstance(one, Text))
    return " ".join(said)
