"""
Names in headers, which are UTF-8 although HTTP reads them as Latin-1.
"""

from pointsman.core.errors import BadRequest
from pointsman.surfaces.names import checked


def from_header(value: str | None, *, field: str) -> str | None:
    """Return the name in a header. Raises `BadRequest` for one that is not UTF-8, empty, long or not printable."""
    if value is None:
        return None
    try:
        return checked(value if value.isascii() else value.encode("latin-1").decode("utf-8"), field=field)
    except UnicodeDecodeError as error:
        raise BadRequest(f"`{field}` is not UTF-8. Send it in UTF-8.", field=field) from error
