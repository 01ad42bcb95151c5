"""Errors → HTTP: each error has the status that tells a client what to do."""

import inspect

import pytest

from pointsman.core import errors
from pointsman.core.failure import Failure, FailureKind
from pointsman.intake.errors import OverBudget, OverLimit
from pointsman.places.rules.veto import Vetoed
from pointsman.server.problems import INTERNAL, problem, retry_after_s

EVERY = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, errors.PointsmanError)]


def _failed(kind: FailureKind, retry_after_s: float | None = None) -> errors.PlaceFailed:
    return errors.PlaceFailed(Failure(kind=kind, message="m", retry_after_s=retry_after_s), target="acme/small")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.BadRequest("m", field="n"), 400, "bad_request"),
        (errors.TooLarge("m"), 413, "too_large"),
        (errors.NotAuthenticated("m"), 401, "not_authenticated"),
        (errors.NotPermitted(what="w", who="k"), 403, "not_permitted"),
        (errors.UnknownCapability(name="n"), 404, "unknown_capability"),
        (OverLimit(limit="l", what="requests", retry_after_s=3), 429, "over_limit"),
        (OverBudget(limit="l", period="month"), 402, "over_budget"),
        (Vetoed(rule="r", message="m"), 403, "vetoed"),
        (errors.LedgerUnavailable("m"), 503, "ledger_unavailable"),
        (errors.Stopping("m"), 503, "stopping"),
        (errors.NotGoodEnough(capability="c", says="s"), 502, "not_good_enough"),
        (_failed(FailureKind.REJECTED), 400, "rejected"),
        (_failed(FailureKind.TIMEOUT_GAP), 504, "timeout_gap"),
        (_failed(FailureKind.CREDENTIAL), 502, "credential"),
        (errors.Exhausted(capability="c", failures=[_failed(FailureKind.CUT), _failed(FailureKind.OVERLOADED)], retry_after_s=None), 503, "exhausted"),
        (errors.Exhausted(capability="c", failures=[], retry_after_s=None), 502, "exhausted"),
    ],
)
def test_an_error_has_its_status_and_its_code(error: errors.PointsmanError, status: int, code: str) -> None:
    told = problem(error, "id-1")
    assert (told.status, told.code, told.message, told.request_id) == (status, code, error.message, "id-1")
    assert told.field == ("n" if isinstance(error, errors.BadRequest) and status == 400 else None)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_no_error_of_ours_is_without_a_status(kind: type[errors.PointsmanError]) -> None:
    error = kind.__new__(kind)
    errors.PointsmanError.__init__(error, "m")
    if isinstance(error, errors.PlaceFailed):
        error.failure = Failure(kind=FailureKind.CUT, message="m")
    if isinstance(error, errors.Exhausted):
        error.failures = ()
    if isinstance(error, errors.BadRequest):
        error.field = None
    assert 400 <= problem(error, "i").status < 600


def test_an_error_that_is_none_of_ours_tells_nothing_of_the_inside() -> None:
    told = problem(RuntimeError("/etc/secret"), "id-1")
    assert (told.status, told.code, told.message) == (500, "internal", INTERNAL)


@pytest.mark.parametrize(
    ("error", "wait_s"),
    [
        (OverLimit(limit="l", what="requests", retry_after_s=3), 3),
        (_failed(FailureKind.RATE_LIMITED, 7.0), 7.0),
        (errors.Exhausted(capability="c", failures=[], retry_after_s=2.0), 2.0),
        (errors.LedgerUnavailable("m"), 1.0),
        (errors.Stopping("m"), 1.0),
        (errors.BadRequest("m"), None),
        (RuntimeError(), None),
    ],
)
def test_when_to_come_back_is_told_where_it_is_known(error: Exception, wait_s: float | None) -> None:
    assert retry_after_s(error) == wait_s
