"""
One request to a service that is no vendor of models, such as an identity provider: a connection of its own, a whole answer, small bounds.

No redirect is followed, so what is sent reaches the origin that was named and no other.
"""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from pointsman.core.errors import BadRequest
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.http import Deadlines, Incoming
from pointsman.settings.addresses import is_loopback, is_nobody, is_own_address, is_somebody, split_url
from pointsman.transport.bounds import Bounds
from pointsman.transport.connection import AnswerBroken, Connection
from pointsman.transport.dial import dial
from pointsman.transport.inflate import inflate

_BOUNDS: Final = Bounds(answer_bytes=1024 * 1024, header_bytes=32 * 1024)
_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
_USUAL: Final = Deadlines(connect_s=5.0, first_byte_s=10.0, gap_s=10.0, total_s=10.0)


class Lookup(Struct, frozen=True, kw_only=True):
    """A request. A `body` makes it a POST. `ca_file` is the authority that is trusted instead of the usual ones."""

    url: str
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    ca_file: Path | None = None


async def look_up(asked: Lookup, *, deadlines: Deadlines = _USUAL) -> Incoming:
    """
    Send the request and return the whole answer, whatever its status.

    Raises `AnswerBroken`, also for a URL that is none, one that is plain `http` to another machine, and an authority that cannot be read.
    """
    parts, host, port = _origin(asked.url)
    request = _request(asked, parts, host=host)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        async with asyncio.timeout(deadlines.total_s):
            connection = await dial(
                lambda: Connection(loop, _BOUNDS, everyone=set(), on_free=_drop),
                (host, port),
                tls=_tls(parts, asked.ca_file),
                accepts=is_somebody if parts.scheme == "https" else is_own_address,
            )
            try:
                answer = await connection.whole(request, deadlines, begun=begun)
            finally:
                connection.abort()
    except TimeoutError as error:
        raise AnswerBroken(Failure(kind=FailureKind.TIMEOUT_TOTAL, message=f"{host}:{port} did not answer within {deadlines.total_s:g} s")) from error
    except ssl.SSLError as error:
        raise AnswerBroken(Failure(kind=FailureKind.TLS, message=f"TLS with {host}:{port} failed ({error.reason or 'the handshake broke off'})")) from error
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise AnswerBroken(Failure(kind=FailureKind.CONNECT, message=f"cannot connect to {host}:{port} ({why or 'no such host'})")) from error
    return _plain(answer)


def _drop(connection: Connection) -> None:
    connection.abort()


def _origin(url: str) -> tuple[SplitResult, str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _bad("a URL has a host or port that is none") from error
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if not is_plain or parts.scheme not in _PORTS or not host or parts.username is not None or parts.fragment:
        raise _bad("this is no URL that can be asked")
    if parts.scheme == "http" and not is_loopback(f"{host}:80"):
        raise _bad(f"`http://{host}` is another machine: what is said would cross a network in the open")
    if split_url(url) is None or is_nobody(host):
        raise _bad(f"`{host}` is no host that can be asked")
    return parts, host, port or _PORTS[parts.scheme]


def _request(asked: Lookup, parts: SplitResult, *, host: str) -> bytes:
    method = "GET" if asked.body is None else "POST"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    shown = f"[{host}]" if ":" in host else host
    lines = {
        "host": shown if parts.port is None else f"{shown}:{parts.port}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "connection": "close",
        "user-agent": "pointsman",
        **({} if asked.body is None else {"content-length": str(len(asked.body))}),
        **asked.headers,
    }
    if not all(value.isascii() and value.isprintable() for value in lines.values()):
        raise _bad("a header holds a line break or a character that no header can carry")
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (asked.body or b"")


def _tls(parts: SplitResult, ca_file: Path | None) -> ssl.SSLContext | None:
    if parts.scheme != "https":
        return None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise _bad(f"the authority `{ca_file}` cannot be read") from error


def _plain(answer: Incoming) -> Incoming:
    try:
        body = inflate(answer.body, answer.headers.get("content-encoding", ""), limit_bytes=_BOUNDS.answer_bytes)
    except BadRequest as error:
        raise _bad(f"the answer cannot be unpacked: {error.message}") from error
    return Incoming(status=answer.status, headers=answer.headers, body=body)


def _bad(message: str) -> AnswerBroken:
    return AnswerBroken(Failure(kind=FailureKind.BAD_ANSWER, message=message))
