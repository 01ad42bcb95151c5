"""
What was said in a call, in the form that the conventions ask for: messages with a role and parts. For calls whose content may leave only.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

INPUT: Final = "gen_ai.input.messages"
OUTPUT: Final = "gen_ai.output.messages"
SYSTEM: Final = "gen_ai.system_instructions"
_GROWN: Final = ("content", "text")  # what the texts of a stream are called in either dialect


class Said(Struct, frozen=True, kw_only=True):
    """What was said in a call, as it may be kept: the body that was sent, and the answer. `traceparent` names its trace."""

    call_id: str
    traceparent: str
    request: bytes
    answer: bytes


def messages(request: Mapping[str, Any], answer: Any) -> dict[str, str]:
    """Return the attributes that hold what was asked and answered, from the bodies of a call; of a stream, each text that grew in it, by its place."""
    told = {SYSTEM: _parts(request.get("system")), INPUT: list(_messages(request.get("messages"))), OUTPUT: list(_answers(answer))}
    return {name: msgspec.json.encode(value).decode() for name, value in told.items() if value}


def _messages(told: Any) -> Iterator[dict[str, Any]]:
    for message in _dicts(told):
        yield {"role": str(message.get("role", "user")), "parts": _parts(message.get("content"))}


def _answers(told: Any) -> Iterator[dict[str, Any]]:
    fields: Mapping[str, Any] = cast("Mapping[str, Any]", told) if isinstance(told, dict) else {}
    messages = [one["message"] for one in _dicts(fields.get("choices")) if isinstance(one.get("message"), dict)]
    texts = [_parts(message.get("content")) for message in messages] or [_parts(fields.get("content"))]
    if not any(texts):
        texts = [[_text("".join(value for name, value in fields.items() if isinstance(value, str) and name.rpartition(".")[2] in _GROWN))]]
    yield from ({"role": "assistant", "parts": parts} for parts in texts if parts and parts != [_text("")])


def _parts(told: Any) -> list[dict[str, str]]:
    if isinstance(told, str):
        return [_text(told)]
    return [_text(part["text"]) if isinstance(part.get("text"), str) else {"type": str(part.get("type", "unknown"))} for part in _dicts(told)]


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "content": text}


def _dicts(told: Any) -> Iterable[Mapping[str, Any]]:
    return [cast("Mapping[str, Any]", one) for one in cast("list[object]", told) if isinstance(one, dict)] if isinstance(told, list) else []
