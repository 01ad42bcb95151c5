"""
Where requests to one vendor account go: an origin, a base path and a credential, bound together.

The credential is turned into header bytes here and leaves only through the pool of this endpoint, so it cannot reach another origin:
requests carry a path and no host, redirects are not followed, and a new URL means a new endpoint.
"""

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from pointsman.core.errors import Unusable
from pointsman.core.http import Outgoing

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One vendor account. `prefix` ends the request line's path; `fixed_headers` hold the credential and are never shown."""

    scheme: str
    host: str
    port: int
    prefix: str
    tls: ssl.SSLContext | None
    fixed_headers: bytes = field(repr=False)

    def head(self, outgoing: Outgoing) -> bytes:
        """Return the request line and headers of an HTTP/1.1 POST."""
        extra = "".join(f"{name}: {value}\r\n" for name, value in outgoing.headers.items())
        accept = "text/event-stream" if outgoing.stream else "application/json"
        return (
            f"POST {self.prefix}{outgoing.path} HTTP/1.1\r\n{extra}accept: {accept}\r\ncontent-length: {len(outgoing.body)}\r\n".encode("latin-1")
            + self.fixed_headers
        )


def endpoint(base_url: str, *, credential_headers: Mapping[str, str], ca_file: str | None = None) -> Endpoint:
    """
    Bind a credential to the origin of `base_url` (http or https, no user information, query or fragment).

    Raises `Unusable` for a URL that is none, or a header value that would break out of its line.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise Unusable(f"`{parts.scheme}://{parts.hostname}` is no usable base URL. Write `https://host[:port]/path` under `vendors`.")
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    shown = f"[{parts.hostname}]" if _is_ipv6(parts.hostname) else parts.hostname
    host_header = shown if port == _DEFAULT_PORTS[parts.scheme] else f"{shown}:{port}"
    lines = {
        "host": host_header,
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": "pointsman",
        **credential_headers,
    }
    if any("\r" in value or "\n" in value for value in lines.values()):
        raise Unusable(f"The credential for `{host_header}` holds a line break. Store it without one.")
    fixed = "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    context = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
    return Endpoint(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        prefix=parts.path.rstrip("/"),
        tls=context,
        fixed_headers=fixed.encode("latin-1"),
    )


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6  # noqa: PLR2004 - the version number is its own name
    except ValueError:
        return False
