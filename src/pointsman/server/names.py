"""
Names that clients give to things: business units, users, outcomes. Bounded and printable, so that they fit every log, record and header.
"""

from typing import Final

from pointsman.core.errors import BadRequest

_LONGEST: Final = 200


def checked(name: str, *, field: str) -> str:
    """Return the name. Raises `BadRequest` for one that is empty, long or not printable."""
    if not name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise BadRequest(f"`{field}` must hold 1 to {_LONGEST} printable characters. Shorten or fill it.", field=field)
    return name


def from_header(value: str | None, *, field: str) -> str | None:
    """Return the name in a header, which is UTF-8 although HTTP reads it as Latin-1. Raises `BadRequest`."""
    if value is None:
        return None
    try:
        return checked(value if value.isascii() else value.encode("latin-1").decode("utf-8"), field=field)
    except UnicodeDecodeError as error:
        raise BadRequest(f"`{field}` is not UTF-8. Send it in UTF-8.", field=field) from error
