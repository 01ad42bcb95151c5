"""
Errors → HTTP: the only place where a status is chosen.

The message and code are the error's own; the shape of the body is the caller's dialect's (`surfaces`).
"""

from types import MappingProxyType
from typing import Final

from pointsman.core import errors
from pointsman.core.failure import FailureKind
from pointsman.decision.errors import NoTargetFits, SwitchedOff
from pointsman.intake.errors import OverBudget, OverLimit
from pointsman.intake.tokens import IssuerUnavailable
from pointsman.places.rules.veto import Vetoed
from pointsman.surfaces.surface import Problem

# Looked up along the class's ancestors, so a new kind of refusal has its parent's status until it gets its own.
_STATUS: Final = MappingProxyType(
    {
        errors.TooLarge: 413,
        errors.BadRequest: 400,
        errors.NotAuthenticated: 401,
        errors.NotPermitted: 403,
        errors.UnknownCapability: 404,
        errors.UnknownRoute: 404,
        OverLimit: 429,
        OverBudget: 402,
        Vetoed: 403,
        errors.NoPlaceAllowed: 403,
        NoTargetFits: 400,
        SwitchedOff: 503,
        errors.Refused: 400,
        errors.LedgerUnavailable: 503,
        errors.AuditUnavailable: 503,
        IssuerUnavailable: 503,
        errors.Stopping: 503,
        errors.PointsmanError: 502,
    }
)

# Errors of the rooms, which nothing that answers calls may import.
_STATUS_OF_CODE: Final = MappingProxyType({"no_such_incident": 404, "no_such_snapshot": 404})

# What the caller can do about a vendor's failure. Anything not listed is a bad gateway.
_FAILURE_STATUS: Final = MappingProxyType(
    {
        FailureKind.REJECTED: 400,
        FailureKind.CONTEXT_LENGTH: 400,
        FailureKind.CONTENT_REFUSED: 400,
        FailureKind.RATE_LIMITED: 503,
        FailureKind.OVERLOADED: 503,
        FailureKind.BUSY: 503,
        FailureKind.SWITCHED_OFF: 503,
        FailureKind.TIMEOUT_CONNECT: 504,
        FailureKind.TIMEOUT_FIRST_BYTE: 504,
        FailureKind.TIMEOUT_GAP: 504,
        FailureKind.TIMEOUT_TOTAL: 504,
    }
)

INTERNAL: Final = "Something unexpected went wrong in Pointsman itself; the request id leads to the log. Try again, and report it if it happens again."


def problem(error: Exception, request_id: str) -> Problem:
    """Return what the caller is told. An error that is none of ours tells nothing about the inside."""
    if not isinstance(error, errors.PointsmanError):
        return Problem(status=500, code="internal", message=INTERNAL, request_id=request_id)
    return Problem(
        status=_status(error),
        code=_code(error),
        message=error.message,
        request_id=request_id,
        field=error.field if isinstance(error, errors.BadRequest) else None,
    )


def retry_after_s(error: Exception) -> float | None:
    """Return when the caller may try again, if that is known."""
    if isinstance(error, OverLimit | errors.Exhausted):
        return error.retry_after_s
    if isinstance(error, errors.PlaceFailed):
        return error.failure.retry_after_s
    return 1.0 if isinstance(error, errors.LedgerUnavailable | errors.AuditUnavailable | errors.Stopping | IssuerUnavailable) else None


def _status(error: errors.PointsmanError) -> int:
    if isinstance(error, errors.PlaceFailed):
        return _FAILURE_STATUS.get(error.failure.kind, 502)
    if isinstance(error, errors.Exhausted):
        return _FAILURE_STATUS.get(error.failures[-1].failure.kind, 502) if error.failures else 502
    return _STATUS_OF_CODE.get(error.code) or next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def _code(error: errors.PointsmanError) -> str:
    return error.failure.kind.value if isinstance(error, errors.PlaceFailed) else error.code
