"""
What differs between the two protocols that the simulated vendor speaks: one value for each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pointsman.cli.simulated.asked import Asked


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of a stream as bytes, and how many tokens the model must write before it can be sent."""

    data: bytes
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """
    One protocol. `whole(asked, said, number=…)` writes an answer, `stream` the same as events, `error` an error's body, `broken` an error in
    the middle of a stream.

    `stream` ends with `end_events` events that say that nothing is missing. `headers` are those that the vendor adds to every answer.
    """

    path: str
    read: Callable[[bytes], Asked]
    whole: Callable[..., bytes]
    stream: Callable[..., list[Piece]]
    error: Callable[..., bytes]
    broken: Callable[[str], bytes]
    refusal_error: Callable[[str], bytes]
    too_long_error: Callable[[str], bytes]
    headers: Callable[[str], Mapping[str, str]]
    end_events: int
