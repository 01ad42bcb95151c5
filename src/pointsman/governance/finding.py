"""
What a detector found in a text, and where. Never what it is: a finding holds no content, so it may be kept and counted.
"""

from msgspec import Struct

Path = tuple[str | int, ...]


class Finding(Struct, frozen=True, kw_only=True):
    """
    One place in a text: characters `start` to `end` (exclusive) of the text as it was given, whatever form the detector read it in.

    `kind` is what was found, such as `email` or `person`; `data_class` the class that this makes the data; `detector` who found it, with its version.
    `score` is the probability that it is what it seems, 1.0 where a checksum or a form leaves no doubt.
    """

    start: int
    end: int
    kind: str
    data_class: str
    detector: str
    score: float = 1.0


class Spot(Struct, frozen=True, kw_only=True):
    """
    One text of a request body and where it stands: names of fields and positions in lists. `is_key` marks the name of a field itself.

    `media_type` is set for a text that is the base64 of a file or picture.
    """

    path: Path
    text: str
    is_key: bool = False
    media_type: str | None = None
