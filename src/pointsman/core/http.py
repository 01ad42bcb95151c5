"""
The two halves of an HTTP exchange with a vendor, as values.

An `Outgoing` has a path and no host: the origin and the credential belong to the connection pool of `transport`, so no code that
builds a request can send a credential elsewhere.
"""

from collections.abc import Mapping
from typing import Final, Self

# Less than this is lost before a call's first attempt; it is not worth a new value for each call.
from msgspec import Struct
from msgspec.structs import replace

_INSTANT_S: Final = 0.01


class Outgoing(Struct, frozen=True, kw_only=True):
    """A POST to be sent. `path` is relative to the vendor's base path; header names are lower case."""

    path: str
    body: bytes
    headers: Mapping[str, str]
    stream: bool = False


class Incoming(Struct, frozen=True, kw_only=True):
    """
    A whole answer.

    `headers` (lower-case names, the last value of each) are kept for error answers only: nobody reads those of a good one.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Deadlines(Struct, frozen=True, kw_only=True):
    """How long each part of an exchange may take, in seconds."""

    connect_s: float = 5.0
    first_byte_s: float = 60.0
    gap_s: float = 30.0
    total_s: float = 600.0

    def within(self, left_s: float) -> Self:
        """Return the same, for an exchange that has `left_s` in all."""
        if self.total_s <= left_s + _INSTANT_S:
            return self
        return replace(self, connect_s=min(self.connect_s, left_s), total_s=left_s)
