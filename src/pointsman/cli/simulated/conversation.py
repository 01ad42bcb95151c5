"""
What the vendors refuse in a conversation: results of tools that nobody asked for, empty text, thoughts that were changed.

Their APIs do; a simulator that did not would hide a translation that loses something.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import msgspec

_SIGNED: Final = b"simulated signature "


class Unreadable(Exception):
    """The vendor would answer 400: `message` in its words, `param` the field at fault."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


def blocks(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the content blocks of a message; plain text has none."""
    content = message.get("content")
    return msgspec.convert(content, list[dict[str, Any]]) if isinstance(content, list) else []


def signature(number: str) -> str:
    """Return the signature over a thought."""
    return base64.b64encode(_SIGNED + number.encode()).decode()


def check_openai(messages: list[dict[str, Any]]) -> None:
    """Check that each result of a tool answers a call. Raises `Unreadable`."""
    asked: set[str] = set()
    for message in messages:
        asked.update(call["id"] for call in message.get("tool_calls") or ())
        if message.get("role") == "tool" and message.get("tool_call_id") not in asked:
            raise Unreadable("messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.", "messages")


def check_anthropic(messages: list[dict[str, Any]]) -> None:
    """Check what each message holds, and that results of tools answer the message before. Raises `Unreadable`."""
    asked: set[str] = set()
    for index, message in enumerate(messages):
        parts = blocks(message)
        for position, block in enumerate(parts):
            fault = _fault(block, asked)
            if fault is not None:
                raise Unreadable(f"messages.{index}.content.{position}: {fault}", "messages")
        asked = {block["id"] for block in parts if block.get("type") == "tool_use"}


def _fault(block: Mapping[str, Any], asked: set[str]) -> str | None:
    match block.get("type"):
        case "text" if not block.get("text"):
            return "text content blocks must be non-empty"
        case "tool_result" if block.get("tool_use_id") not in asked:
            return "unexpected `tool_use_id` found in `tool_result` blocks. Each `tool_result` block must have a corresponding `tool_use` block"
        case "thinking" if not _is_signed(block.get("signature")):
            return "Invalid `signature` in `thinking` block"
        case _:
            return None


def _is_signed(told: object) -> bool:
    try:
        return base64.b64decode(str(told), validate=True).startswith(_SIGNED)
    except binascii.Error:
        return False
