"""
How a place can fail, in one list for every vendor: told apart by what may be done (the same target again, the next rung, or the caller is told).
"""

from enum import StrEnum

from msgspec import Struct


class FailureKind(StrEnum):
    """What went wrong at a place."""

    CONNECT = "connect"  # no connection: refused, unreachable, name unknown
    TLS = "tls"  # the vendor's certificate was not accepted
    TIMEOUT_CONNECT = "timeout_connect"
    TIMEOUT_FIRST_BYTE = "timeout_first_byte"
    TIMEOUT_GAP = "timeout_gap"
    TIMEOUT_TOTAL = "timeout_total"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    CREDENTIAL = "credential"  # our key was refused
    NOT_FOUND = "not_found"  # the vendor does not know the model
    CONTEXT_LENGTH = "context_length"  # the prompt is too long for this model
    REJECTED = "rejected"  # the vendor says the request is wrong
    CONTENT_REFUSED = "content_refused"  # the vendor's safety filter; never routed around
    BAD_ANSWER = "bad_answer"  # bytes that are no answer: broken, redirected, too large
    UNTRANSLATABLE = "untranslatable"  # the answer holds what the caller's protocol has no word for
    CUT = "cut"  # the connection closed before the end of the answer, or the stream ended without its end mark
    BROKEN = "broken"  # the stream told of an error
    BUSY = "busy"  # our own breaker or pool for this target is closed
    SWITCHED_OFF = "switched_off"  # somebody shut it off while the call was under way


class Failure(Struct, frozen=True, kw_only=True):
    """One failure: what kind, in whose words, with which HTTP status, and when the vendor said to come back."""

    kind: FailureKind
    message: str
    status: int | None = None
    retry_after_s: float | None = None
