"""
What one client may hold of the process: bytes, connections, time. All are settings; these are their meanings.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientBounds:
    """Sizes in bytes, times in seconds. `stall_s` bounds a request that trickles in and an answer that is not read."""

    body_bytes: int = 20 * 1024 * 1024
    header_bytes: int = 64 * 1024
    connections: int = 10_000
    idle_s: float = 75.0
    stall_s: float = 30.0
    unread_bytes: int = 256 * 1024
