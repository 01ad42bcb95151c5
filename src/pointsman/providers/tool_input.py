"""
The arguments of a tool use, for dialects that write them as an object and not as text.
"""

import msgspec

# What Anthropic advises for arguments that a model wrote wrongly: the text is kept under a name that tells so.
_BROKEN = "INVALID_JSON"


def tool_input(arguments: str) -> msgspec.Raw:
    """Return the arguments as they were written where they are a JSON object, else an object that holds their text."""
    text = arguments or "{}"
    try:
        is_object = isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError):
        is_object = False
    return msgspec.Raw(text.encode() if is_object else msgspec.json.encode({_BROKEN: text}))
