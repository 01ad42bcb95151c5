"""
Restoring in a stream, whichever way it reaches the caller: as the vendor's bytes, or as events that are written anew.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from pointsman.core.place import Dialect
from pointsman.core.reply import Event
from pointsman.governance.filtering.event_stream import EventStream
from pointsman.governance.filtering.native_stream import native_stream
from pointsman.governance.filtering.restore import Restorer


class Restoring(Struct, frozen=True):
    """Puts back what was filtered into one stream: into whole server-sent events as `raw` bytes, or into `events`. Only one of them is used."""

    raw: Callable[[bytes], bytes]
    events: Callable[[Iterable[Event]], tuple[Event, ...]]


def restoring(restorer: Restorer | None, dialect: Dialect) -> Restoring | None:
    """Return what restores one stream for a caller of a dialect; None if nothing was replaced."""
    return None if restorer is None else Restoring(native_stream(dialect, restorer).feed, EventStream(restorer).feed)
