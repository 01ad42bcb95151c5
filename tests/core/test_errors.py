"""What callers and operators are told."""

import inspect
import re

import pytest

from pointsman.core import errors
from pointsman.core.errors import (
    CredentialMissing,
    Exhausted,
    ExtraMissing,
    Failed,
    LedgerUnavailable,
    NoPlaceAllowed,
    NotGoodEnough,
    NotPermitted,
    PlaceFailed,
    PointsmanError,
    Refused,
    TooLarge,
    UnknownCapability,
    Unusable,
)
from pointsman.core.failure import Failure, FailureKind
from pointsman.decision.errors import NoTargetFits, NotExpressible
from pointsman.intake.errors import OverBudget, OverLimit
from pointsman.places.rules.veto import Vetoed
from pointsman.settings.mistakes import Mistake, SettingsInvalid

MISTAKE = Mistake(file="pointsman.yaml", path="", line=3, says="wrong.", remedy="Right it.")
PLACE = PlaceFailed(Failure(kind=FailureKind.CUT, message="the stream ended", retry_after_s=2.0), target="acme/small")
EVERY = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, PointsmanError)]
MADE = [
    (NotExpressible(fields=["seed", "n"], capability="support"), "`seed`, `n`"),
    (NotPermitted(what="this", who="web"), "`web`"),
    (UnknownCapability(name="x" * 200), "x" * 100 + "`"),
    (OverLimit(limit="team", what="tokens", retry_after_s=12.4), "in 12 s"),
    (OverLimit(limit="team", what="tokens", retry_after_s=None), "Lower `max_tokens`"),
    (OverBudget(limit="team", period="month"), "next month"),
    (NoPlaceAllowed(capability="support", data_class="restricted"), "`restricted`"),
    (NoTargetFits(capability="support", lacks=[("a", "lacks:tools")]), "`a`: lacks:tools"),
    (PLACE, "`acme/small` failed (cut)"),
    (Exhausted(capability="support", failures=[PLACE], retry_after_s=2.0), "the stream ended"),
    (NotGoodEnough(capability="support", says="the answer is not JSON"), "not JSON"),
    (ExtraMissing(what="The keyring", extra="keyring"), "pip install 'pointsman[keyring]'"),
    (SettingsInvalid([MISTAKE]), "pointsman.yaml:3: wrong. Right it."),
]


def _refused_key(target: str) -> PlaceFailed:
    return PlaceFailed(Failure(kind=FailureKind.CREDENTIAL, message="Incorrect API key."), target=target)


def test_a_target_that_failed_in_the_same_way_again_is_told_once() -> None:
    told = Exhausted(capability="support", failures=[PLACE, PLACE, _refused_key("acme/large")], retry_after_s=None).message

    assert told == (
        "Every target of `support` failed: `acme/small` failed (cut): the stream ended (2 times); "
        "`acme/large` failed (credential): Incorrect API key. Try again, or add a rung to its ladder."
    )


def test_nobody_is_told_to_try_again_with_keys_that_vendors_refuse() -> None:
    told = Exhausted(capability="support", failures=[_refused_key("acme/small"), _refused_key("acme/large")], retry_after_s=None).message

    assert told.endswith("Incorrect API key. Correct the keys of these vendors, or add a rung to its ladder.")


@pytest.mark.parametrize("path", ["", "capabilities.support"])
@pytest.mark.parametrize("line", [0, 7])
def test_a_mistake_is_told_as_compilers_tell_theirs(path: str, line: int) -> None:
    told = str(Mistake(file="pointsman.yaml", path=path, line=line, says="wrong.", remedy="Right it."))

    assert told == f"pointsman.yaml{':7' if line else ''}: {'capabilities.support: ' if path else ''}wrong. Right it."


@pytest.mark.parametrize(("error", "told"), MADE, ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "")
def test_the_message_names_what_it_is_about(error: PointsmanError, told: str) -> None:
    assert told in error.message == str(error)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_every_error_has_a_code_of_its_own_and_a_description_that_ends_with_a_remedy(kind: type[PointsmanError]) -> None:
    if kind is not PointsmanError:
        assert "Remedy:" in (kind.__doc__ or "")
    assert [other for other in EVERY if other.code == kind.code] == [kind]
    assert re.fullmatch(r"[a-z_]+", kind.code)


def test_the_tree_that_is_drawn_is_the_tree_that_is_built() -> None:
    drawn = re.findall(r"^ {4}([│ ├└─]*)(\w+)", errors.__doc__ or "", re.MULTILINE)
    above: list[str] = []
    parents = {}
    for indent, name in drawn:
        depth = len(indent) // 4
        above[depth:] = [name]
        parents[name] = above[depth - 1] if depth else "Exception"
    assert parents == {kind.__name__: kind.__bases__[0].__name__ for kind in EVERY}


@pytest.mark.parametrize(
    ("kind", "family"),
    [(TooLarge, Refused), (Vetoed, Refused), (OverBudget, Refused), (PlaceFailed, Failed), (LedgerUnavailable, Failed), (CredentialMissing, Unusable)],
)
def test_a_refusal_is_not_a_failure(kind: type[PointsmanError], family: type[PointsmanError]) -> None:
    assert [each for each in (Refused, Failed, Unusable) if issubclass(kind, each)] == [family]


def test_facts_are_kept_beside_the_words() -> None:
    assert Vetoed(rule="no refunds", message="No.").rule == "no refunds"
    assert TooLarge("too long", field="messages").field == "messages"
    assert PLACE.failure.retry_after_s == 2.0
