"""
Request headers that change what is answered: part of the question, like any field of the body.
"""

import re
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from pointsman.core.call import Call
from pointsman.core.errors import BadRequest
from pointsman.surfaces.surface import Surface

_VALUE: Final = re.compile(r"[\w.,; =/-]{1,1000}", re.ASCII)


def heeding(call: Call, surface: Surface, *, headers: Mapping[str, str]) -> Call:
    """Return the call with those headers that its protocol heeds (names in lower case). Raises `BadRequest` for a value that could not be sent on."""
    heeded = tuple((name, headers[name]) for name in surface.heeds if name in headers)
    if not heeded:
        return call
    for name, value in heeded:
        if not _VALUE.fullmatch(value):
            raise BadRequest(f"The header `{name}` holds other characters than letters, digits and `.,;=/_-`, or too many. Correct it.", field=name)
    return replace(call, headers=heeded, extras={**call.extras, **{f"header {name}": value for name, value in heeded}})
