"""
Where requests to one vendor account go: an origin, a base path and a credential, bound together.

The credential is turned into header bytes here and leaves only through the pool of this endpoint, so it cannot reach another origin:
requests carry a path and no host, redirects are not followed, and a new URL means a new endpoint.
"""

import ipaddress
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from pointsman.core.errors import Unusable
from pointsman.core.http import Outgoing
from pointsman.settings.addresses import is_address, is_host, is_nobody
from pointsman.settings.secret_value import Origin

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_PREFIX: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")  # RFC 3986, section 3.3
_SHORTEST_SECRET: Final = 8  # anything shorter would blot out ordinary words
_HIDDEN: Final = b"[credential]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """
    One vendor account. Two that are equal may share connections.

    `prefix` ends the request line's path; `fixed_headers` and `secrets` hold the credential and are never shown; `ca_pem` is the authority
    that is trusted instead of the usual ones.
    """

    scheme: str
    host: str
    port: int
    prefix: str
    ca_pem: str | None = field(repr=False)
    fixed_headers: bytes = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)

    def request(self, outgoing: Outgoing) -> bytes:
        """Return a whole HTTP/1.1 POST. Raises `ValueError` for a path or header that would break out of its line."""
        accept = "text/event-stream" if outgoing.stream else "application/json"
        extra = "".join([f"{name}: {value}\r\n" for name, value in outgoing.headers.items()])
        head = f"POST {self.prefix}{outgoing.path} HTTP/1.1\r\n{extra}accept: {accept}\r\ncontent-length: {len(outgoing.body)}\r\n"
        lines = len(outgoing.headers) + 3
        if head.count("\n") != lines or head.count("\r") != lines or " " in outgoing.path:
            raise ValueError("a path or header of a request to a vendor holds a line break")
        return head.encode("latin-1") + self.fixed_headers + outgoing.body

    def tls(self) -> ssl.SSLContext | None:
        """Return how to speak TLS there, or None for plain HTTP. Raises `Unusable` for an authority that is none."""
        if self.scheme != "https":
            return None
        try:
            return ssl.create_default_context(cadata=self.ca_pem)
        except (ssl.SSLError, ValueError) as error:
            raise Unusable(
                f"The `ca_file` for `{self.host}` holds no certificate in PEM form. Name the file of the authority that signed the vendor's."
            ) from error

    def hide(self, told: bytes) -> bytes:
        """Return what a vendor told without the credential, should it repeat that in an error."""
        for secret in self.secrets:
            told = told.replace(secret, _HIDDEN)
        return told


def endpoint(base_url: str, *, credential_headers: Callable[[Origin], Mapping[str, str]], ca_file: str | None = None) -> Endpoint:
    """
    Bind a credential to the origin of `base_url` (http or https, no user information, query or fragment).

    `credential_headers` is told that origin and reveals the credential for it alone.
    Raises `Unusable` for a URL that is none, a header value that would break out of its line, or a `ca_file` that cannot be read.
    """
    parts, host, port = _origin(base_url)
    shown = f"[{host}]" if _is_ipv6(host) else host
    host_header = shown if port == _DEFAULT_PORTS[parts.scheme] else f"{shown}:{port}"
    told = credential_headers(Origin(parts.scheme, host, port))
    lines = {
        "host": host_header,
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": "pointsman",
        **told,
    }
    if not all(value.isascii() and value.isprintable() for value in lines.values()):
        raise Unusable(f"The credential for `{host_header}` holds a line break or a character that no header can carry. Store it without.")
    secrets = [value.rpartition(" ")[2].encode() for value in told.values()]
    return Endpoint(
        scheme=parts.scheme,
        host=host,
        port=port,
        prefix=parts.path.rstrip("/"),
        ca_pem=None if ca_file is None else _pem(ca_file),
        fixed_headers=("".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n").encode("latin-1"),
        secrets=tuple(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET),
    )


def origin_of(base_url: str) -> Origin:
    """Return the origin of a base URL. Raises `Unusable` for a URL that is none."""
    parts, host, port = _origin(base_url)
    return Origin(parts.scheme, host, port)


def _origin(base_url: str) -> tuple[SplitResult, str, int]:
    try:
        parts = urlsplit(base_url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError as error:  # a port or host that is none; a name that is too long for DNS
        raise Unusable("A base URL has a host or port that is none. Write `https://host[:port]/path` under `vendors`.") from error
    is_plain = _is_one(base_url, parts, host=host) and parts.username is None and not parts.query and not parts.fragment
    if not is_plain or not _PREFIX.fullmatch(parts.path):
        raise Unusable(f"`{parts.scheme}://{host}` is no usable base URL. Write `https://host[:port]/path` under `vendors`.")
    return parts, host, port or _DEFAULT_PORTS[parts.scheme]


def _is_one(base_url: str, parts: SplitResult, *, host: str) -> bool:
    """Tell whether a URL leads to one origin for every reader. Digits of other scripts would make an address of what looks like none."""
    told = parts.hostname or ""
    is_spelt = base_url.isprintable() and " " not in base_url and not any(letter.isdigit() and not letter.isascii() for letter in told)
    return parts.scheme in _DEFAULT_PORTS and is_spelt and is_host(host) and not is_nobody(host) and (host == told or not is_address(host))


def _pem(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no PEM file"
        raise Unusable(f"The `ca_file` `{path}` cannot be read ({why}). Name a readable PEM file.") from error


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6  # noqa: PLR2004 - the version number is its own name
    except ValueError:
        return False
