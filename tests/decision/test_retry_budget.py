"""No storm of retries: further tries are a share of the calls."""

from hypothesis import given
from hypothesis import strategies as st

from pointsman.decision.retry_budget import MOST, PER_S, SHARE, RetryBudget


class Bench:
    """A budget with a hand-driven clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.budget = RetryBudget(lambda: self.now)

    def storm(self, calls: int, *, tries_each: int) -> int:
        """Let calls fail and be tried again, all at once; return how many further tries there were."""
        taken = 0
        for _ in range(calls):
            self.budget.called("a")
            taken += sum(self.budget.take("a") for _ in range(tries_each))
        return taken


def test_a_quiet_target_is_tried_again_freely() -> None:
    bench = Bench()
    assert bench.storm(int(MOST) // 2, tries_each=2) == MOST


def test_when_every_call_fails_further_tries_stay_a_share_of_them() -> None:
    taken = Bench().storm(10_000, tries_each=3)
    assert MOST < taken <= MOST + SHARE * 10_000 + 1


def test_one_target_s_storm_takes_nothing_from_another() -> None:
    bench = Bench()
    bench.storm(1000, tries_each=3)
    assert bench.budget.take("b")


def test_an_empty_purse_fills_with_time() -> None:
    bench = Bench()
    bench.storm(1000, tries_each=3)
    assert not bench.budget.take("a")
    bench.now += 3 / PER_S
    assert [bench.budget.take("a") for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.one_of(st.just("call"), st.just("take"), st.floats(0, 20)), max_size=200))
def test_whatever_happens_further_tries_are_bounded_by_calls_and_time(script: list[str | float]) -> None:
    bench = Bench()
    calls, taken, begun = 0, 0, bench.now
    for step in script:
        if isinstance(step, float):
            bench.now += step
        elif step == "call":
            calls += 1
            bench.budget.called("a")
        else:
            taken += bench.budget.take("a")
    assert taken <= MOST + SHARE * calls + PER_S * (bench.now - begun) + 1e-6
