"""
Bounded decompression: a small body must not become a large one.
"""

import zlib
from typing import Final

from pointsman.core.errors import BadRequest, TooLarge

_WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


def inflate(body: bytes, encoding: str, *, limit_bytes: int) -> bytes:
    """
    Return the body without its content encoding (`identity`, `gzip` or `deflate`).

    Raises `TooLarge` before more than `limit_bytes` are held, and `BadRequest` for another encoding or broken data.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    bits = _WINDOW_BITS.get(encoding)
    if bits is None:
        raise BadRequest(f"The content encoding `{encoding[:40]}` is not understood. Send `gzip`, `deflate` or none.", field="content-encoding")
    machine = zlib.decompressobj(bits)
    try:
        plain = machine.decompress(body, limit_bytes + 1)
    except zlib.error as error:
        raise BadRequest(f"The body is not valid {encoding}. Send it as it says, or without an encoding.", field="content-encoding") from error
    if len(plain) > limit_bytes:
        raise TooLarge(f"The body unpacks to more than {limit_bytes} bytes. Send less, or raise `server.bounds`.")
    if not machine.eof:
        raise BadRequest(f"The {encoding} body is cut off. Send it whole.", field="content-encoding")
    if machine.unused_data:  # another reader might take it for a part of the body
        raise BadRequest(f"Bytes follow the end of the {encoding} body. Send one {encoding} stream and nothing else.", field="content-encoding")
    return plain
