"""
How the pieces of a vendor's stream become the caller's bytes: as they came, where both speak one protocol, else written anew.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from pointsman.core.call import Call
from pointsman.core.place import Dialect
from pointsman.core.reply import Event, Piece, UsageSeen
from pointsman.surfaces.surface import Surface

Writer = Callable[[list[Piece]], bytes]


class Restoring(Protocol):
    """Puts back what was filtered: into the events of a stream, or into its bytes."""

    @property
    def raw(self) -> Callable[[bytes], bytes]:
        """What to send instead of the bytes of one server-sent event."""
        ...

    @property
    def events(self) -> Callable[[Iterable[Event]], Iterable[Event]]:
        """What to tell instead of some events."""
        ...


def writer(call: Call, dialect: Dialect | None, *, surface: Surface, restoring: Restoring | None) -> Writer:
    """Return the writer for a caller of this surface and a target that speaks `dialect`."""
    if call.dialect is not dialect:
        return _translating(call, surface, restoring=restoring)
    keeps = _all if call.wants_usage else _without_usage
    if restoring is None:
        return lambda pieces: b"".join([piece.raw for piece in keeps(pieces)])
    return lambda pieces: b"".join([restoring.raw(piece.raw) for piece in keeps(pieces)])


def _translating(call: Call, surface: Surface, *, restoring: Restoring | None) -> Writer:
    encoder = surface.stream(call)
    if restoring is None:
        return lambda pieces: b"".join([encoder.feed(event) for piece in pieces for event in piece.events])
    return lambda pieces: b"".join([encoder.feed(told) for piece in pieces for told in restoring.events(piece.events)])


def _all(pieces: list[Piece]) -> list[Piece]:
    return pieces


def _without_usage(pieces: list[Piece]) -> list[Piece]:
    # We asked the vendor for usage whether or not the caller did; the event that holds nothing else is ours to drop.
    return [piece for piece in pieces if not any(isinstance(event, UsageSeen) and event.alone for event in piece.events)]
