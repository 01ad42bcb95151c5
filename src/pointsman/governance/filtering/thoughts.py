"""
Signed reasoning that comes back: shown with its values, sent on as its vendor wrote it.

A vendor signs the reasoning of its model and refuses it when a character has changed. The caller sees it restored, and detectors may find other things in it
than were hidden from the model. So its signature is given to the caller together with the text that it is over, under a seal of the tenant's key; when both
come back unchanged, that text is sent, letter by letter. Nothing is stored, and nobody else can make such a seal.
"""

import base64
import hmac
import zlib
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct

from pointsman.governance.finding import Path, Spot

_MARK: Final = "pointsman."
_SEAL_BYTES: Final = 32
_FIELDS: Final = ("thinking", "text")  # that hold the reasoning, beside its `signature`


class Thought(Struct, frozen=True, kw_only=True):
    """A vendor's signature and the text that it is over; None where what came back is not what was shown, or was written while less was hidden."""

    signature: str
    text: str | None


class Seals:
    """
    Seals and opens signatures. `key` belongs to one tenant; `hidden` names the classes of data that the target does not see.
    """

    def __init__(self, key: bytes, *, hidden: frozenset[str]) -> None:
        self._key = key
        self._hidden = hidden

    def sealed(self, signature: str, *, written: str, shown: str) -> str:
        """Return what the caller gets as the signature of reasoning that the vendor has `written` and the caller is `shown`."""
        told = zlib.compress(msgspec.json.encode([signature, written, _digest(shown), sorted(self._hidden)]))
        return _MARK + base64.b64encode(self._seal(told) + told).decode()

    def opened(self, sealed: str, *, shown: str) -> Thought | None:
        """Return what a signature was made from; None if it is none of ours."""
        if not sealed.startswith(_MARK):
            return None
        try:
            raw = base64.b64decode(sealed[len(_MARK) :], validate=True)
        except ValueError:
            return None
        told = raw[_SEAL_BYTES:]
        if not hmac.compare_digest(self._seal(told), raw[:_SEAL_BYTES]):
            return None
        signature, written, digest, hidden = msgspec.json.decode(zlib.decompress(told))
        return Thought(signature=signature, text=written if digest == _digest(shown) and self._hidden <= set(hidden) else None)

    def among(self, texts: Mapping[Path, Spot]) -> Iterator[tuple[Path, Path, Thought]]:
        """Yield the thoughts among the texts of a body: the paths of signature and reasoning, and what they were made from."""
        for path, spot in texts.items():
            if path[-1] == "signature":
                beside = next((where for name in _FIELDS if (where := (*path[:-1], name)) in texts), path)
                thought = self.opened(spot.text, shown="" if beside is path else texts[beside].text)  # a vendor may sign reasoning that it does not show
                if thought is not None:
                    yield path, beside, thought

    def _seal(self, told: bytes) -> bytes:
        return hmac.digest(self._key, b"thought" + told, "sha256")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def thinks(wire: Mapping[str, Any]) -> bool:
    """Tell whether a request asks for reasoning that may be signed."""
    match wire:
        case {"thinking": {"type": "disabled"}}:
            return False
        case _:
            return "thinking" in wire or "reasoning" in wire
