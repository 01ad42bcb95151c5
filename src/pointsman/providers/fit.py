"""
What every pair of dialects must ask of a call before it is translated.
"""

from pointsman.core.call import Call, Role, ToolMode


def is_prefilled(call: Call) -> bool:
    """Tell whether the conversation ends with the assistant: one dialect goes on with that text, the other answers it anew."""
    return bool(call.turns) and call.turns[-1].role is Role.ASSISTANT


def forces_no_tool(call: Call) -> bool:
    """Tell whether a tool must be used but none is there. A choice that forces nothing says nothing without tools."""
    return not call.tools and call.tool_choice is not None and call.tool_choice.mode in (ToolMode.REQUIRED, ToolMode.NAMED)
