"""
Numbers that a vendor tells of its own work. Money and limits follow from them, so they stay within what can be.
"""

from typing import Final

MOST: Final = 10**10  # tokens; no answer has as many, and what they cost still fits a record


def tokens(told: int | None) -> int:
    """Return a count of tokens: none where none was told, or fewer than none."""
    return min(max(told, 0), MOST) if told else 0
