"""After a failure: the same target again, the next rung, or the caller."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.capability import Retries
from pointsman.core.failure import Failure, FailureKind
from pointsman.decision.retry import END, NEXT, Again, End, NextRung, plan

RETRIES = Retries(per_target=2, budget=3, backoff_s=0.25, longest_wait_s=5.0)


def step(kind: FailureKind, *, retry_after_s: float | None = None, here: int = 0, total: int = 0, left_s: float = 60.0, chance: float = 0.0) -> object:
    failure = Failure(kind=kind, message="", retry_after_s=retry_after_s)
    return plan(failure, RETRIES, tries_here=here, tries_total=total, left_s=left_s, chance=chance)


@pytest.mark.parametrize("kind", [FailureKind.CONNECT, FailureKind.SERVER_ERROR, FailureKind.OVERLOADED, FailureKind.RATE_LIMITED, FailureKind.CUT])
def test_what_may_pass_is_tried_again(kind: FailureKind) -> None:
    assert step(kind) == Again(0.125)


@pytest.mark.parametrize("kind", [FailureKind.CREDENTIAL, FailureKind.NOT_FOUND, FailureKind.TLS, FailureKind.CONTEXT_LENGTH, FailureKind.TIMEOUT_FIRST_BYTE])
def test_what_stays_as_it_is_sends_the_call_on(kind: FailureKind) -> None:
    assert step(kind) == NEXT


@pytest.mark.parametrize("kind", [FailureKind.REJECTED, FailureKind.CONTENT_REFUSED])
def test_a_mistake_or_a_refusal_is_not_carried_to_another_vendor(kind: FailureKind) -> None:
    assert step(kind) == END


def test_a_target_whose_own_time_is_up_is_left_while_the_call_has_time() -> None:
    assert step(FailureKind.TIMEOUT_TOTAL) == NEXT


@pytest.mark.parametrize("kind", FailureKind)
def test_when_the_call_s_time_is_up_the_caller_is_told(kind: FailureKind) -> None:
    assert step(kind, left_s=0.001) == END
    assert step(kind, left_s=-1.0) == END


def test_waits_double_up_to_the_longest_and_spread_by_chance() -> None:
    patient = Retries(per_target=10, budget=10, backoff_s=1.0, longest_wait_s=5.0)
    failure = Failure(kind=FailureKind.SERVER_ERROR, message="")
    waits = [plan(failure, patient, tries_here=tries, tries_total=tries, left_s=60, chance=chance) for tries in (0, 1, 2, 3) for chance in (0.0, 0.5)]
    assert waits == [Again(0.5), Again(0.75), Again(1.0), Again(1.5), Again(2.0), Again(3.0), Again(2.5), Again(3.75)]


def test_one_target_and_the_whole_call_have_budgets() -> None:
    assert step(FailureKind.SERVER_ERROR, here=2, total=2) == NEXT
    assert step(FailureKind.SERVER_ERROR, here=0, total=3) == NEXT


def test_retry_after_is_kept_exactly_or_not_at_all() -> None:
    assert step(FailureKind.RATE_LIMITED, retry_after_s=4.5, chance=0.9) == Again(4.5)
    assert step(FailureKind.RATE_LIMITED, retry_after_s=0.0) == Again(0.0)
    assert step(FailureKind.RATE_LIMITED, retry_after_s=5.1) == NEXT


def test_a_wait_that_leaves_no_time_to_answer_sends_the_call_on() -> None:
    assert step(FailureKind.RATE_LIMITED, retry_after_s=4.0, left_s=4.0) == NEXT
    assert step(FailureKind.SERVER_ERROR, left_s=0.1) == NEXT


@given(
    st.builds(Failure, kind=st.sampled_from(FailureKind), message=st.just(""), retry_after_s=st.one_of(st.none(), st.floats(0, 1e6))),
    st.builds(Retries, per_target=st.integers(0, 5), budget=st.integers(0, 5), backoff_s=st.floats(0, 10), longest_wait_s=st.floats(0, 10)),
    st.tuples(st.integers(0, 10), st.integers(0, 10)),
    st.floats(-10, 100),
    st.floats(0, 1, exclude_max=True),
)
def test_no_wait_passes_a_bound(failure: Failure, retries: Retries, tries: tuple[int, int], left_s: float, chance: float) -> None:
    found = plan(failure, retries, tries_here=tries[0], tries_total=tries[1], left_s=left_s, chance=chance)
    if isinstance(found, Again):
        assert tries[0] < retries.per_target
        assert tries[1] < retries.budget
        assert 0 <= found.wait_s <= min(retries.longest_wait_s, left_s)
    else:
        assert isinstance(found, NextRung | End)
