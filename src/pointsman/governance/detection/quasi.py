"""
What says something about a person only together with who it is: an age, a nationality, a place.

In a question about the world these are no personal data, and a model could not answer it without them. Beside something that names a person they
are, so they are raised where one stands anywhere in the same request. A language (`translate into German`) says what is wanted, not who somebody is.
"""

import re
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from pointsman.governance.detection.kinds import PERSONAL
from pointsman.governance.finding import Finding

QUASI: Final = frozenset({"age", "nationality", "postcode", "location"})

_LANGUAGE: Final = re.compile(r"(?i)\b(?:in|into|to|from)\s{1,3}\Z")
_BEFORE: Final = 8  # characters


def with_identity(findings: Sequence[Sequence[Finding]], texts: Sequence[str]) -> tuple[tuple[Finding, ...], ...]:
    """Return the findings of a request, in the order of its texts, with what counts as personal data beside a person raised where one is named."""
    if not any(one.data_class == PERSONAL for ones in findings for one in ones):
        return tuple(map(tuple, findings))
    return tuple(
        tuple(replace(one, data_class=PERSONAL) if one.kind in QUASI and not _is_language(one, text) else one for one in ones)
        for ones, text in zip(findings, texts, strict=True)
    )


def _is_language(one: Finding, text: str) -> bool:
    return one.kind == "nationality" and _LANGUAGE.search(text[max(0, one.start - _BEFORE) : one.start]) is not None
