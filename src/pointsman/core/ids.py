"""
Time-ordered identifiers (UUID version 7, RFC 9562 section 5.7).

Pure: the time and the random bits are passed in. The standard library has `uuid7` only from Python 3.14.
"""

_RANDOM_BITS = 74


def uuid7(*, now_ms: int, random_bits: int) -> str:
    """
    Return the canonical text of a version 7 UUID.

    `now_ms` is the Unix time in milliseconds; `random_bits` is an integer of which the low 74 bits are used.
    """
    random_a, random_b = divmod(random_bits & ((1 << _RANDOM_BITS) - 1), 1 << 62)
    value = (now_ms & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | random_a << 64 | 0b10 << 62 | random_b
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def timestamp_ms(identifier: str) -> int:
    """Return the Unix time in milliseconds at which a version 7 UUID was made."""
    return int(identifier[:8] + identifier[9:13], 16)
