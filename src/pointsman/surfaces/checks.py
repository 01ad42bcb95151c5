"""
Parts of a request that both dialects share and that must be what they claim: images and JSON Schemas.
"""

import binascii
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import jsonschema_rs
import msgspec

from pointsman.core.call import Image
from pointsman.core.errors import BadRequest

# The first bytes of each kind of picture that both dialects accept; a WebP file has its length between the two marks.
_MAGIC: Final = (
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
)
_DATA_URL: Final = re.compile(r"data:(?P<type>[\w./+-]{1,100});base64,", re.ASCII)

# The versions of JSON Schema whose own schemas are built in. Any other `$schema` would be fetched from wherever the caller points to.
_DRAFTS: Final = frozenset(
    {
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2019-09/schema",
        "http://json-schema.org/draft-07/schema",
        "http://json-schema.org/draft-06/schema",
        "http://json-schema.org/draft-04/schema",
    }
)
_LONGEST_KEPT: Final = 16_384
_LONGEST_WHY: Final = 200


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
        picture = binascii.a2b_base64(data, strict_mode=True)
    except ValueError as error:  # `binascii.Error` is one, and so is text that is not ASCII
        raise BadRequest(f"`{field}` is not valid base64. Encode the picture's bytes.", field=field) from error
    kind = next((name for name, magic in _MAGIC if magic.match(picture)), None)
    if kind is None or kind != media_type:
        raise BadRequest(
            f"`{field}` says `{media_type[:100]}` but holds {kind or 'no picture'}. Send a PNG, JPEG, GIF or WebP under its own type.", field=field
        )
    return Image(media_type=media_type, data=data, detail=detail)


def check_schema(schema: Mapping[str, Any], field: str) -> int:
    """Refuse an object that is no JSON Schema; return its length as text."""
    draft = schema.get("$schema")
    if draft is not None and (not isinstance(draft, str) or draft.removesuffix("#") not in _DRAFTS):
        raise BadRequest(f"`{field}` names an unknown `$schema`. Leave it out, or name a published draft from 4 to 2020-12.", field=field)
    encoded = msgspec.json.encode(schema)
    why = _known_fault(encoded) if len(encoded) <= _LONGEST_KEPT else _fault(encoded)
    if why is not None:
        raise BadRequest(f"`{field}` is not a valid JSON Schema: {why[:_LONGEST_WHY]}. Correct the schema.", field=field)
    return len(encoded)


def _fault(encoded: bytes) -> str | None:
    try:
        jsonschema_rs.meta.validate(msgspec.json.decode(encoded))
    except jsonschema_rs.ValidationError as error:
        return f"{error.message} at `{'/'.join(map(str, error.instance_path)) or '(top)'}`"
    return None


# An application sends the same few schemas with every call. The text itself is the key, so nothing about them can go stale.
_known_fault: Final = lru_cache(maxsize=512)(_fault)
