"""
The candidates of a choice as they are kept beside it: one JSON text a decision, a list of objects whose names are those of `Weighed`.

Where the request set criteria of its own, these stand with them: an object with `criteria` (name as in the settings → number) and `candidates`.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.core.routing import Weighed


class _Kept(Struct, frozen=True, kw_only=True):
    criteria: dict[str, float]
    candidates: tuple[Weighed, ...]


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(tuple[Weighed, ...] | _Kept)
_NONE: Final[Mapping[str, float]] = {}


def weighed_text(weighed: tuple[Weighed, ...], criteria: Mapping[str, float] = _NONE) -> str | None:
    """Return candidates as they are kept, with the criteria that the request set; None where nothing was weighed."""
    if not weighed:
        return None
    return _ENCODER.encode(_Kept(criteria=dict(criteria), candidates=weighed) if criteria else weighed).decode()


def weighed_of(text: str | None) -> tuple[Weighed, ...]:
    """Return candidates from what is kept. A text of a newer version, or one that somebody wrote over, says nothing."""
    found = _kept(text)
    return found.candidates if isinstance(found, _Kept) else found


def criteria_of(text: str | None) -> Mapping[str, float]:
    """Return the criteria that the request set, from what is kept; none where it set none, or where that was not kept yet."""
    found = _kept(text)
    return found.criteria if isinstance(found, _Kept) else _NONE


def _kept(text: str | None) -> tuple[Weighed, ...] | _Kept:
    if not text:
        return ()
    try:
        return _DECODER.decode(text)
    except msgspec.DecodeError:
        return ()
