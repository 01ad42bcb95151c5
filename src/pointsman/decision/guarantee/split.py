"""
Which calls are kept apart to prove a promise: a predictor must not have learned from the pairs it is judged by.
"""

import hashlib
from typing import Final

KEPT_APART: Final = 0.5
_SPAN: Final = 2**32


def is_kept_apart(key: str, *, share: float = KEPT_APART) -> bool:
    """Tell whether a pair (by its call id, or its prompt) proves instead of teaches. The same for the same key, everywhere and always."""
    number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4, person=b"kept-apart").digest(), "big")
    return number < share * _SPAN
