"""Breakers: when a target is left alone, for how long, and who tries it again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.failure import Failure, FailureKind
from pointsman.decision.breaker import COOL_DOWN_S, FAILURES_IN_A_ROW, LONGEST_COOL_DOWN_S, Breakers
from pointsman.decision.pace import Took


class Bench:
    """Breakers with a hand-driven clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.told: list[tuple[str, str]] = []
        self.breakers = Breakers(lambda: self.now, tell=lambda *opened: self.told.append(opened))

    def fail(self, kind: FailureKind = FailureKind.SERVER_ERROR, *, times: int = 1, retry_after_s: float | None = None) -> None:
        for _ in range(times):
            self.breakers.failed("a", Failure(kind=kind, message="", retry_after_s=retry_after_s))

    @property
    def closed_for(self) -> str | None:
        return self.breakers.open_class("a")


def test_failures_in_a_row_leave_a_target_alone_for_a_while() -> None:
    bench = Bench()
    bench.fail(times=FAILURES_IN_A_ROW - 1)
    assert bench.closed_for is None
    bench.fail()
    assert bench.closed_for == "failing"
    bench.now += COOL_DOWN_S
    assert bench.closed_for is None


def test_a_success_between_failures_begins_the_count_anew() -> None:
    bench = Bench()
    for _ in range(3):
        bench.fail(times=FAILURES_IN_A_ROW - 1)
        bench.breakers.succeeded("a")
    assert bench.closed_for is None


def test_one_target_s_failures_are_not_another_s() -> None:
    bench = Bench()
    bench.fail(times=FAILURES_IN_A_ROW)
    assert bench.breakers.open_class("b") is None


def test_each_class_of_failure_is_counted_by_itself() -> None:
    bench = Bench()
    bench.fail(FailureKind.TIMEOUT_GAP, times=FAILURES_IN_A_ROW - 1)
    bench.fail(FailureKind.RATE_LIMITED, times=FAILURES_IN_A_ROW - 1)
    assert bench.closed_for is None
    bench.fail(FailureKind.TIMEOUT_FIRST_BYTE)
    assert bench.closed_for == "slow"


@pytest.mark.parametrize(
    "kind",
    [
        FailureKind.REJECTED,
        FailureKind.CONTENT_REFUSED,
        FailureKind.CONTEXT_LENGTH,
        FailureKind.UNTRANSLATABLE,
        FailureKind.BUSY,
        FailureKind.TIMEOUT_TOTAL,
    ],
)
def test_what_is_not_the_target_s_fault_counts_for_nothing(kind: FailureKind) -> None:
    bench = Bench()
    bench.fail(kind, times=50)
    assert bench.closed_for is None


def test_retry_after_is_honoured_at_once_and_no_later_failure_shortens_it() -> None:
    bench = Bench()
    bench.fail(FailureKind.RATE_LIMITED, retry_after_s=30)
    assert bench.closed_for == "limited"
    bench.fail(FailureKind.RATE_LIMITED, times=FAILURES_IN_A_ROW)
    bench.now += 29.9
    assert bench.closed_for == "limited"
    bench.now += 0.1
    assert bench.closed_for is None


def test_a_vendor_cannot_close_itself_for_ever() -> None:
    bench = Bench()
    bench.fail(FailureKind.RATE_LIMITED, retry_after_s=86400)
    bench.now += LONGEST_COOL_DOWN_S
    assert bench.closed_for is None


def test_asking_is_not_trying() -> None:
    bench = Bench()
    bench.fail(times=FAILURES_IN_A_ROW)
    bench.now += COOL_DOWN_S
    assert [bench.closed_for for _ in range(3)] == [None, None, None]


def test_after_a_cool_down_one_call_probes_and_the_others_wait_for_it() -> None:
    bench = Bench()
    bench.fail(times=FAILURES_IN_A_ROW)
    bench.now += COOL_DOWN_S
    bench.breakers.trying("a")
    assert bench.closed_for == "failing"
    bench.breakers.succeeded("a")
    assert bench.closed_for is None


def test_a_failed_probe_doubles_the_wait_up_to_a_bound() -> None:
    bench = Bench()
    bench.fail(times=FAILURES_IN_A_ROW)
    waits = []
    for _ in range(7):
        begun = bench.now
        while bench.closed_for:
            bench.now += COOL_DOWN_S
        waits.append(bench.now - begun)
        bench.breakers.trying("a")
        bench.fail()
    assert waits == [5, 10, 20, 40, 80, 120, 120]


def test_a_probe_that_never_returns_does_not_close_a_target_for_ever() -> None:
    bench = Bench()
    bench.fail(times=FAILURES_IN_A_ROW)
    bench.now += COOL_DOWN_S
    bench.breakers.trying("a")  # its caller goes away
    bench.now += COOL_DOWN_S
    assert bench.closed_for is None
    bench.breakers.trying("a")
    bench.breakers.succeeded("a")
    assert bench.closed_for is None


def test_a_late_answer_to_an_old_call_does_not_call_off_a_retry_after() -> None:
    bench = Bench()
    bench.fail(FailureKind.TIMEOUT_GAP)
    bench.fail(FailureKind.RATE_LIMITED, retry_after_s=30)
    bench.breakers.succeeded("a")
    assert bench.closed_for == "limited"


def test_a_last_hope_that_succeeds_opens_the_target_to_all() -> None:
    bench = Bench()
    bench.fail(times=FAILURES_IN_A_ROW)
    bench.breakers.trying("a")
    bench.breakers.succeeded("a")
    assert bench.closed_for is None


def test_trying_and_succeeding_at_a_sound_target_leave_no_trace() -> None:
    bench = Bench()
    bench.breakers.trying("a")
    bench.fail()
    bench.breakers.trying("a")
    bench.breakers.succeeded("a")
    bench.breakers.succeeded("a")
    bench.fail(times=FAILURES_IN_A_ROW - 1)
    assert bench.closed_for is None


@pytest.mark.parametrize("kind", [FailureKind.CREDENTIAL, FailureKind.NOT_FOUND])
def test_a_refused_credential_closes_a_target_at_once(kind: FailureKind) -> None:
    bench = Bench()
    bench.fail(kind)
    assert bench.closed_for == "credential"
    bench.now += 29.9
    assert bench.closed_for == "credential"
    bench.now += 0.1
    bench.breakers.trying("a")
    bench.fail(kind)
    bench.now += 59.9
    assert bench.closed_for == "credential"


def test_whoever_runs_it_hears_once_that_a_breaker_opened_and_again_after_it_was_closed() -> None:
    bench = Bench()
    bench.fail(FailureKind.CREDENTIAL, times=4)
    assert bench.told == [("a", "credential")]
    bench.now += LONGEST_COOL_DOWN_S
    bench.breakers.trying("a")
    bench.breakers.succeeded("a")
    bench.fail(times=FAILURES_IN_A_ROW - 1)
    assert len(bench.told) == 1
    bench.fail()
    assert bench.told[1] == ("a", "failing")


def test_with_another_key_a_target_is_asked_again_at_once() -> None:
    bench = Bench()
    bench.breakers.asked_with({"a": "key 1"})
    bench.fail(FailureKind.CREDENTIAL)
    bench.breakers.asked_with({"a": "key 1"})
    bench.breakers.asked_with({"a": "key 1", "b": "key 2"})
    assert bench.closed_for == "credential"
    bench.breakers.asked_with({"a": "key 2", "b": "key 2"})
    assert bench.closed_for is None


def brown_out(bench: Bench) -> None:
    for _ in range(50):
        bench.breakers.succeeded("a", Took(1.0))
    for _ in range(10):
        bench.breakers.succeeded("a", Took(30.0))


def test_a_target_that_answers_much_slower_than_usual_is_left_alone_and_probed() -> None:
    bench = Bench()
    brown_out(bench)
    assert bench.closed_for == "brown_out"
    assert bench.told == [("a", "brown_out")]
    bench.now += LONGEST_COOL_DOWN_S
    bench.breakers.trying("a")
    bench.breakers.succeeded("a", Took(1.0))
    assert bench.closed_for is None


def test_a_probe_that_is_as_slow_doubles_the_wait() -> None:
    bench = Bench()
    for _ in range(50):
        bench.breakers.succeeded("a", Took(1.0))
    while bench.closed_for is None:
        bench.breakers.succeeded("a", Took(30.0))
    bench.now += COOL_DOWN_S
    bench.breakers.trying("a")
    bench.breakers.succeeded("a", Took(30.0))
    bench.now += 2 * COOL_DOWN_S - 0.1
    assert bench.closed_for == "brown_out"
    bench.now += 0.1
    assert bench.closed_for is None


def test_first_bytes_of_streams_are_not_measured_by_whole_answers() -> None:
    bench = Bench()
    for _ in range(50):
        bench.breakers.succeeded("a", Took(0.1, is_stream=True))
    for _ in range(20):
        bench.breakers.succeeded("a", Took(8.0, 20))
    assert bench.closed_for is None


steps = st.lists(
    st.one_of(
        st.tuples(st.just("fail"), st.sampled_from(FailureKind), st.one_of(st.none(), st.floats(0, 1000))),
        st.tuples(st.sampled_from(["try", "succeed"])),
        st.tuples(st.just("wait"), st.floats(0, 50)),
    ),
    max_size=40,
)


@given(steps)
def test_whatever_happens_a_target_left_alone_is_asked_again_within_the_longest_wait(script: list[tuple[object, ...]]) -> None:
    bench = Bench()
    for step in script:
        match step:
            case ("fail", FailureKind() as kind, float() | None as wait_s):
                bench.fail(kind, retry_after_s=wait_s)
            case ("wait", float() as seconds):
                bench.now += seconds
            case ("try",):
                bench.breakers.trying("a")
            case _:
                bench.breakers.succeeded("a")
    bench.now += LONGEST_COOL_DOWN_S
    assert bench.closed_for is None
