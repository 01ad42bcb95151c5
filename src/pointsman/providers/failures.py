"""
Error answers of vendors → `Failure`, for every format: the status tells the class, the body the words.

The body may be anything, a proxy's HTML page included; a message is one line, cut to a length that fits a log.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

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
    402: FailureKind.CREDENTIAL,  # our account there is empty
    403: FailureKind.CREDENTIAL,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.SERVER_ERROR,
    409: FailureKind.SERVER_ERROR,
    429: FailureKind.RATE_LIMITED,
    503: FailureKind.OVERLOADED,
    529: FailureKind.OVERLOADED,
}

# Words that say more than the status they come with.
_BY_CODE: Final = {
    "context_length_exceeded": FailureKind.CONTEXT_LENGTH,
    "exceed_context_size_error": FailureKind.CONTEXT_LENGTH,
    "request_too_large": FailureKind.CONTEXT_LENGTH,
    "content_filter": FailureKind.CONTENT_REFUSED,
    "content_policy_violation": FailureKind.CONTENT_REFUSED,
    "model_not_found": FailureKind.NOT_FOUND,
    "insufficient_quota": FailureKind.CREDENTIAL,  # told with 429, but waiting does not fill an account
    "billing_error": FailureKind.CREDENTIAL,
}

# What the status would say, for errors that are told in a stream and have none.
_BY_TYPE: Final = {
    "overloaded_error": FailureKind.OVERLOADED,
    "rate_limit_error": FailureKind.RATE_LIMITED,
    "rate_limit_exceeded": FailureKind.RATE_LIMITED,
    "authentication_error": FailureKind.CREDENTIAL,
    "permission_error": FailureKind.CREDENTIAL,
    "not_found_error": FailureKind.NOT_FOUND,
    "api_error": FailureKind.SERVER_ERROR,
    "server_error": FailureKind.SERVER_ERROR,
    "timeout_error": FailureKind.SERVER_ERROR,
}

# Some vendors tell the following in prose alone, under a status that means any mistake of the caller.
_TOLD_IN_PROSE: Final = (
    (
        re.compile(r"prompt is too long|context (length|window|limit|size)|reduce the length|exceeds the maximum number of tokens", re.IGNORECASE),
        FailureKind.CONTEXT_LENGTH,
    ),
    (re.compile(r"credit balance is too low", re.IGNORECASE), FailureKind.CREDENTIAL),
)
_ANY_MISTAKE: Final = frozenset({400, 413, 422})
# Vendors repeat parts of a key they refuse, and what they say is told to callers who must not know it.
_KEY: Final = re.compile(r"\b(?:sk|pk|key|gsk|xai|rk)[-_][\w*.-]{4,}|[\w-]*\*{3,}[\w*-]*")
_PAGE_TITLE: Final = re.compile(r"<title[^>]*>(?P<title>[^<]*)", re.IGNORECASE)


class _Error(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    code: str | int | None = None


class _Body(msgspec.Struct):
    error: _Error | str | None = None
    message: str | None = None
    detail: Any = None


_read: Final = msgspec.json.Decoder(_Body | list[_Body]).decode


def failure(answer: Incoming) -> Failure:
    """Read an error answer."""
    if answer.status < _FIRST_ERROR:
        return Failure(kind=FailureKind.BAD_ANSWER, message=f"it answered with a redirect ({answer.status}), which is not followed", status=answer.status)
    error = _told(answer.body)
    message = one_line(error.message or "")
    return Failure(
        kind=_kind(answer.status, error, message=message),
        message=message or f"status {answer.status}",
        status=answer.status,
        retry_after_s=_retry_after_s(answer.headers),
    )


def one_line(said: str) -> str:
    """Return a vendor's words as one line of bounded length that repeats no key."""
    return _KEY.sub("…", " ".join(said.split()))[:_LONGEST]


def stream_kind(code: str | int | None, kind: str | None = None) -> FailureKind:
    """Return the class of an error that was told in a stream, by its code and its type. A number is taken for an HTTP status."""
    if isinstance(code, int) and code >= _FIRST_ERROR:
        return _BY_STATUS.get(code) or (FailureKind.SERVER_ERROR if code >= _FIRST_SERVER_ERROR else FailureKind.BROKEN)
    words = (str(code or ""), kind or "")
    return next((table[word] for table in (_BY_CODE, _BY_TYPE) for word in words if word in table), FailureKind.BROKEN)


def bad_answer(target: Target, error: Exception) -> PlaceFailed:
    """Return the failure for bytes that are no answer."""
    return PlaceFailed(Failure(kind=FailureKind.BAD_ANSWER, message=f"the answer cannot be read ({str(error)[:_LONGEST]})"), target=target.name)


def _kind(status: int, error: _Error, *, message: str) -> FailureKind:
    for word in (error.code, error.type):
        if word in _BY_CODE:
            return _BY_CODE[str(word)]
    if status in _ANY_MISTAKE:
        for words, kind in _TOLD_IN_PROSE:
            if words.search(message):
                return kind
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    return FailureKind.SERVER_ERROR if status >= _FIRST_SERVER_ERROR else FailureKind.REJECTED


def _told(body: bytes) -> _Error:
    try:
        found = _read(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Error(message=_prose(body.decode("utf-8", "replace")))
    told = found if isinstance(found, _Body) else next(iter(found), _Body())
    if isinstance(told.error, _Error):
        return told.error
    detail = told.detail if isinstance(told.detail, str) or told.detail is None else msgspec.json.encode(told.detail).decode()
    return _Error(message=told.error or told.message or detail)


def _prose(text: str) -> str:
    if not text.lstrip().startswith("<"):
        return text[:_LONGEST]
    title = _PAGE_TITLE.search(text)
    return "it answered with a web page" + (f": {title['title']}" if title else "")


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        told = headers.get(name)
        if told is None:
            continue
        wait_s = _seconds(told, unit)
        if wait_s is None:
            wait_s = _until(told, headers.get("date"))
        if wait_s is not None:
            return wait_s
    return None


def _seconds(told: str, unit: float) -> float | None:
    try:
        wait_s = float(told) / unit
    except ValueError:
        return None
    return wait_s if 0 <= wait_s < float("inf") else None


def _until(told: str, date: str | None) -> float | None:
    # Measured from the answer's own date, so that a vendor's wrong clock does no harm and ours is not needed.
    try:
        then, now = parsedate_to_datetime(told), parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return max((_aware(then) - _aware(now)).total_seconds(), 0.0)


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
