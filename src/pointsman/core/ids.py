"""
Time-ordered identifiers (UUID version 7, RFC 9562 section 5.7), and those of traces and spans that follow from them (W3C Trace Context).

Pure: the time and the random bits are passed in. The standard library has `uuid7` only from Python 3.14.
"""

_RANDOM_BITS = 74
_PARTS, _TRACE_DIGITS, _HEX = 4, 32, frozenset("0123456789abcdef")
_STRIDE, _LAST_SPAN = 0x9E37_79B9_7F4A_7C15, (1 << 64) - 1  # an odd stride: the parts of one call never share a span


def uuid7(*, now_ms: int, random_bits: int) -> str:
    """
    Return the canonical text of a version 7 UUID.

    `now_ms` is the Unix time in milliseconds; `random_bits` is an integer of which the low 74 bits are used.
    """
    random_a, random_b = divmod(random_bits & ((1 << _RANDOM_BITS) - 1), 1 << 62)
    value = (now_ms & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | random_a << 64 | 0b10 << 62 | random_b
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def trace_id(call_id: str, traceparent: str | None) -> str:
    """Return the trace (32 hex digits) that a call belongs to: that of a valid `traceparent` (W3C Trace Context), else one made of the call's own id."""
    told = (traceparent or "").split("-")
    is_valid = len(told) >= _PARTS and len(told[1]) == _TRACE_DIGITS and set(told[1]) <= _HEX and told[1].strip("0") and told[0] != "ff"
    return told[1] if is_valid else call_id.replace("-", "")


def span_id(call_id: str, seq: int) -> str:
    """Return the span (16 hex digits) of a part of a call: -1 is the call itself, from 0 its attempts. The same question has the same answer everywhere."""
    return f"{(int(call_id.replace('-', '')[16:], 16) + (seq + 2) * _STRIDE) & _LAST_SPAN or 1:016x}"


def traceparent(call_id: str, told: str | None, *, seq: int) -> str:
    """Return the `traceparent` for what a part of a call asks of others: sampled as the caller said, else not."""
    return f"00-{trace_id(call_id, told)}-{span_id(call_id, seq)}-{'01' if (told or '').endswith('-01') else '00'}"
