"""
Names that callers give to things: business units, users, outcomes. Bounded and printable, so that they fit every log, record and header.
"""

from typing import Final

from pointsman.core.errors import BadRequest

_LONGEST: Final = 200


def checked(name: str, *, field: str) -> str:
    """Return the name. Raises `BadRequest` for one that is empty, long or not printable."""
    if not name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise BadRequest(f"`{field}` must hold 1 to {_LONGEST} printable characters. Shorten or fill it.", field=field)
    return name
