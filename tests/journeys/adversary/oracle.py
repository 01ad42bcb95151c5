"""
Who may have seen what: the table of docs/policy.md, read by hand and written again without a look at the policy's code, and a search for a value in bytes.
"""

import base64
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from tests.governance.detection.disguises import DISGUISES
from tests.journeys.adversary.vendors import strings

CLEAR, HIDDEN, NEVER = "clear", "hidden", "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the table asks about a vendor."""

    zone: str
    has_region: bool = True
    has_baa: bool = False
    is_open: bool = True  # False once its review has lapsed


# docs/policy.md, line by line: class → public_api, contracted, private, edge.
_TABLE: Final = {
    "public": (CLEAR, CLEAR, CLEAR, CLEAR),
    "internal": (HIDDEN, CLEAR, CLEAR, CLEAR),
    "personal": (HIDDEN, CLEAR, CLEAR, CLEAR),
    "financial": (NEVER, HIDDEN, HIDDEN, HIDDEN),
    "source_code": (NEVER, CLEAR, CLEAR, CLEAR),
    "confidential": (NEVER, HIDDEN, CLEAR, CLEAR),
    "health": (NEVER, CLEAR, CLEAR, CLEAR),
    "legal": (NEVER, NEVER, CLEAR, NEVER),
    "restricted": (NEVER, NEVER, CLEAR, NEVER),
    "secret": (NEVER, NEVER, NEVER, NEVER),
}
_ZONES: Final = ("public_api", "contracted", "private", "edge")
# The same for a summary: may it leave to any vendor?
_SUMMARY: Final = {"internal", "personal", "financial", "confidential"}


def cell(data_class: str, place: Place) -> str:
    """Return what the table says about a class at a place."""
    told = _TABLE[data_class][_ZONES.index(place.zone)]
    if data_class == "personal" and place.zone in ("public_api", "contracted") and not place.has_region:
        return NEVER
    if data_class == "health" and place.zone == "contracted" and not place.has_baa:
        return NEVER
    return told


def may_see(value_class: str | None, call_classes: Iterable[str], place: Place, *, can_summarise: bool = False) -> bool:
    """
    Tell whether a place may see a value in clear. `value_class` is None for one that only a declaration makes what it is.

    Every class of the call must be allowed there. Where a class may not, the data may leave as a summary if the table says so for that class: then what was
    found is treated as anywhere, and words that only a declaration covers must not stand in it.
    """
    if not place.is_open:
        return False
    closed = {one for one in call_classes if cell(one, place) == NEVER}
    if closed and not (can_summarise and closed <= _SUMMARY and value_class is not None):
        return False
    return value_class is None or cell(value_class, place) == CLEAR


@dataclass(slots=True, kw_only=True)
class Value:
    """
    A planted value. `core` is the value itself, `data_class` what it is: None for words that only a declaration covers, `secret` for what goes nowhere,
    `header` for what no vendor is ever sent. `seen_by` names who may have seen it in clear, over all requests.
    """

    core: str
    kind: str
    data_class: str | None
    disguise: str = "plain"
    position: str = ""
    seen_by: set[str] = field(default_factory=set)
    needles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.needles = tuple(needles(self.core))


def needles(core: str) -> Iterable[str]:
    """Yield a value in every disguise that leaves it in one piece; of Base64 each of the three ways in which it may stand in a longer text."""
    for name, disguise in DISGUISES.items():
        if name in ("Base64, URL", "gzip in Base64", "two messages"):
            continue
        if name != "Base64":
            yield disguise(core)
    yield DISGUISES["gzip in Base64"](core)
    raw = core.encode()
    for shift in range(3):
        # Only what does not depend on the neighbours.
        head = -(-8 * shift // 6)
        whole = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        tail = len(whole) - (1 if (len(raw) + shift) % 3 else 0)
        yield whole[head + (1 if shift else 0) : tail]
    yield json.dumps(core)[1:-1]
    yield core[::-1]
    yield core.encode().hex().upper()


def folded(text: str) -> str:
    """Return a text with nothing but its letters and digits, in one script and case: what stands spaced out or full of marks comes together."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())


class Heard:
    """What reached a vendor, ready to be searched."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw.decode("utf-8", "replace")
        said: list[str] = [self.raw]
        for body in bodies(raw):
            try:
                said += strings(json.loads(body))
            except ValueError:
                continue
        self.text = "\n".join(said)
        self.folded = "".join(map(folded, said))

    def holds(self, value: Value) -> str | None:
        """Return in which form a value is here, or None."""
        for needle in value.needles:
            if needle in self.text:
                return needle
        plain = folded(value.core)
        return f"folded {plain}" if len(plain) >= 9 and plain in self.folded else None


def bodies(raw: bytes) -> Iterable[bytes]:
    """Yield the bodies of the requests on a connection's bytes, which may be several connections' one after another."""
    at = 0
    while (end := raw.find(b"\r\n\r\n", at)) >= 0:
        top = raw[at:end].lower()
        told = top.rfind(b"content-length:")
        size = int(top[told + 15 :].split(b"\r\n", 1)[0]) if told >= 0 else 0
        yield raw[end + 4 : end + 4 + size]
        at = end + 4 + size
