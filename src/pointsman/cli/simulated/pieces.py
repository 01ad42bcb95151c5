"""
Text → the pieces that are streamed and counted as tokens.
"""

import re
from typing import Final

_PIECE: Final = re.compile(r"\s*\w{1,6}|\s*[^\w\s]|\s+")


def pieces(text: str) -> list[str]:
    """Return the pieces of a text; joined they are the text."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Return the number of tokens of a text."""
    return len(pieces(text))
