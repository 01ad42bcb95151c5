"""
How much of an answer is held or looked at, so that no vendor can exhaust the process.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """All in bytes, but for `connections`, the most sockets to one endpoint."""

    answer_bytes: int = 64 * 1024 * 1024
    header_bytes: int = 64 * 1024
    sse_line_bytes: int = 1024 * 1024
    buffered_bytes: int = 256 * 1024
    connections: int = 2048
