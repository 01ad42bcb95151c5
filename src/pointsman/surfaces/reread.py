"""
A call with another body: filtered, or told in other words. It is read again from the new body, so that its two forms never disagree.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from pointsman.core.call import Call
from pointsman.surfaces.surface import Surface

# What speaks about a conversation that is no longer there, or asks for a form that a summary does not have.
_OF_THE_CONVERSATION: Final = frozenset(
    {"system", "tools", "tool_choice", "functions", "function_call", "parallel_tool_calls", "prediction", "mcp_servers", "container"}
)


def reread(call: Call, surface: Surface, *, wire: Mapping[str, object], headers: tuple[tuple[str, str], ...]) -> Call:
    """Return the call with this body and these heeded headers. Raises `BadRequest` for a body that cannot be read."""
    read = surface.read(dict(wire), call.call_id)
    if not headers:
        return read
    return replace(read, headers=headers, extras={**read.extras, **{f"header {name}": value for name, value in headers}})


def retold(call: Call, surface: Surface, *, text: str) -> Call:
    """Return the call with a text instead of the conversation and its instructions. Settings stay, tools go."""
    wire = {name: value for name, value in call.wire.items() if name not in _OF_THE_CONVERSATION}
    wire["messages"] = [{"role": "user", "content": text}]
    return reread(call, surface, wire=wire, headers=call.headers)


def asking(call: Call, surface: Surface, *, text: str, max_tokens: int) -> Call:
    """Return a plain question on behalf of a call, for one whole answer in words."""
    wire: dict[str, Any] = {"model": call.capability, "messages": [{"role": "user", "content": text}], "max_tokens": max_tokens}
    return surface.read(wire, call.call_id)
