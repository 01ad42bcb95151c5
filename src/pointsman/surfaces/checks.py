"""
Parts of a request that both dialects share and that must be what they claim: images and JSON Schemas.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import jsonschema_rs
import msgspec

from pointsman.core.call import Image
from pointsman.core.errors import BadRequest

# The first bytes of each kind of picture that both dialects accept.
_MAGIC: Final = (
    ("image/png", b"\x89PNG\r\n\x1a\n"),
    ("image/jpeg", b"\xff\xd8\xff"),
    ("image/gif", b"GIF8"),
    ("image/webp", b"RIFF"),
)
_LONGEST_MAGIC: Final = 16
_DATA_URL: Final = re.compile(r"data:(?P<type>[\w./+-]{1,100});base64,", re.ASCII)


def image_from_url(url: str, *, detail: str | None, field: str) -> Image:
    """Return the picture of a data URL, or the address of one that only the target may fetch."""
    if url.startswith(("https://", "http://")):
        return Image(url=url, detail=detail)
    found = _DATA_URL.match(url)
    if found is None:
        raise BadRequest(f"`{field}` is neither an `https://` address nor a `data:image/…;base64,` URL. Send one of them.", field=field)
    return image_from_base64(url[found.end() :], found["type"], detail=detail, field=field)


def image_from_base64(data: str, media_type: str, *, detail: str | None, field: str) -> Image:
    """Return a picture whose bytes are what the type says."""
    try:
        head = base64.b64decode(data[: _LONGEST_MAGIC * 2], validate=True)
        binascii.a2b_base64(data, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"`{field}` is not valid base64. Encode the picture's bytes.", field=field) from error
    kind = next((name for name, magic in _MAGIC if head.startswith(magic)), None)
    if kind is None or kind != media_type:
        raise BadRequest(f"`{field}` says `{media_type}` but holds {kind or 'no picture'}. Send a PNG, JPEG, GIF or WebP under its own type.", field=field)
    return Image(media_type=media_type, data=data, detail=detail)


def check_schema(schema: Mapping[str, Any], field: str) -> None:
    """Refuse an object that is no JSON Schema."""
    why = _schema_fault(msgspec.json.encode(schema))
    if why is not None:
        raise BadRequest(f"`{field}` is not a valid JSON Schema: {why}. Correct the schema.", field=field)


@lru_cache(maxsize=512)
def _schema_fault(encoded: bytes) -> str | None:
    schema = msgspec.json.decode(encoded)
    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        return f"{error.message} at `{'/'.join(map(str, error.instance_path)) or '(top)'}`"
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        return str(error)
    return None
