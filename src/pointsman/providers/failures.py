"""
Error answers of vendors → `Failure`, for every format: the status tells the class, the body the words.

The body may be anything, a proxy's HTML page included; a message is cut to a length that fits a log line.
"""

from typing import Final

import msgspec

from pointsman.core.errors import PlaceFailed
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.http import Incoming
from pointsman.core.target import Target

_LONGEST: Final = 300
_FIRST_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500

_BY_STATUS: Final = {
    401: FailureKind.CREDENTIAL,
    403: FailureKind.CREDENTIAL,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.SERVER_ERROR,
    409: FailureKind.SERVER_ERROR,
    429: FailureKind.RATE_LIMITED,
    503: FailureKind.OVERLOADED,
    529: FailureKind.OVERLOADED,
}
_BY_CODE: Final = {
    "context_length_exceeded": FailureKind.CONTEXT_LENGTH,
    "exceed_context_size_error": FailureKind.CONTEXT_LENGTH,
    "content_filter": FailureKind.CONTENT_REFUSED,
    "content_policy_violation": FailureKind.CONTENT_REFUSED,
    "overloaded_error": FailureKind.OVERLOADED,
    "rate_limit_error": FailureKind.RATE_LIMITED,
    "api_error": FailureKind.SERVER_ERROR,
    "server_error": FailureKind.SERVER_ERROR,
    "timeout_error": FailureKind.SERVER_ERROR,
}
_TOO_LONG: Final = ("prompt is too long", "maximum context length", "context window")


class _Error(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    code: str | int | None = None


class _Body(msgspec.Struct):
    error: _Error | str | None = None
    message: str | None = None


def failure(answer: Incoming) -> Failure:
    """Read an error answer."""
    if answer.status < _FIRST_ERROR:
        return Failure(kind=FailureKind.BAD_ANSWER, message=f"it answered with a redirect ({answer.status}), which is not followed", status=answer.status)
    code, message = _told(answer.body)
    return Failure(
        kind=_kind(answer.status, code, message),
        message=message[:_LONGEST] or f"status {answer.status}",
        status=answer.status,
        retry_after_s=_retry_after_s(answer),
    )


def stream_kind(code: str) -> FailureKind:
    """Return the class of an error that was told in a stream."""
    return _BY_CODE.get(code, FailureKind.BROKEN)


def bad_answer(target: Target, error: Exception) -> PlaceFailed:
    """Return the failure for bytes that are no answer."""
    return PlaceFailed(Failure(kind=FailureKind.BAD_ANSWER, message=f"the answer cannot be read ({str(error)[:_LONGEST]})"), target=target.name)


def _kind(status: int, code: str, message: str) -> FailureKind:
    if status in (400, 413) and (_BY_CODE.get(code) is FailureKind.CONTEXT_LENGTH or any(words in message.lower() for words in _TOO_LONG)):
        return FailureKind.CONTEXT_LENGTH
    if _BY_CODE.get(code) is FailureKind.CONTENT_REFUSED:
        return FailureKind.CONTENT_REFUSED
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    return FailureKind.SERVER_ERROR if status >= _FIRST_SERVER_ERROR else FailureKind.REJECTED


def _told(body: bytes) -> tuple[str, str]:
    try:
        told = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", body[:_LONGEST].decode("utf-8", "replace").strip()
    if isinstance(told.error, _Error):
        # A number there is the status once more (llama.cpp, Gemini); the type then says what happened.
        code = told.error.code if isinstance(told.error.code, str) else None
        return code or told.error.type or "", told.error.message or ""
    return "", told.error or told.message or ""


def _retry_after_s(answer: Incoming) -> float | None:
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            wait_s = float(answer.headers[name]) / unit
        except (KeyError, ValueError):  # absent, or an HTTP date, which says nothing without a clock
            continue
        if 0 <= wait_s < float("inf"):
            return wait_s
    return None
