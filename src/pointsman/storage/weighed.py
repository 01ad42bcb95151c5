"""
The candidates of a choice as they are kept beside it: one JSON text a decision, a list of objects whose names are those of `Weighed`.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from pointsman.core.routing import Weighed

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(tuple[Weighed, ...])


def weighed_text(weighed: Sequence[Weighed]) -> str | None:
    """Return candidates as they are kept; None where nothing was weighed."""
    return _ENCODER.encode(weighed).decode() if weighed else None


def weighed_of(text: str | None) -> tuple[Weighed, ...]:
    """Return candidates from what is kept. A text of a newer version, or one that somebody wrote over, says nothing."""
    if not text:
        return ()
    try:
        return _DECODER.decode(text)
    except msgspec.DecodeError:
        return ()
