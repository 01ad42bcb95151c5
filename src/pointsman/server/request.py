"""
A request of a client as the listener hands it on, and which of its headers anybody here reads.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from msgspec import Struct

# Clients send a dozen headers that nobody reads; only those named here are kept. A stage that reads another adds its name.
_READ: Final = (
    "anthropic-beta",
    "anthropic-version",
    "authorization",
    "baggage",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "traceparent",
    "transfer-encoding",
    "x-api-key",
    "x-pointsman-criteria",
    "x-pointsman-data-class",
    "x-pointsman-session",
    "x-pointsman-signature",
    "x-pointsman-tags",
    "x-pointsman-timestamp",
    "x-pointsman-unit",
    "x-pointsman-user",
    # Signatures of those who send webhooks; `settings.webhook_shape` names the same.
    "x-hub-signature-256",
    "x-shopify-hmac-sha256",
    "x-signature",
    "x-signature-timestamp",
    "x-webhook-signature",
    "x-webhook-timestamp",
    "x-zendesk-webhook-signature",
    "x-zendesk-webhook-signature-timestamp",
)
_AS_SENT: Final[Mapping[bytes, str]] = MappingProxyType({spelt.encode(): name for name in _READ for spelt in (name, name.title())})


@lru_cache(maxsize=256)
def read_name(name: bytes) -> str | None:
    """Return a header's name in lower case, or None for one that nobody reads."""
    return _AS_SENT.get(name) or _AS_SENT.get(name.lower())


class Request(Struct, frozen=True, kw_only=True):
    """`path` is without its query; `headers` holds those that are read, by lower-case name; `body` is already unpacked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header by its lower-case name."""
        return self.headers.get(name)
