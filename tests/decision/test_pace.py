"""Brown-outs: what is slow for a target is measured by its own past."""

from hypothesis import given
from hypothesis import strategies as st

from pointsman.decision.pace import KNOWN, Pace


def usual(seconds: float = 1.0, *, answers: int = 100) -> Pace:
    pace = Pace()
    for _ in range(answers):
        assert not pace.took(seconds)
    return pace


def slow_until(pace: Pace, seconds: float, *, most: int = 50) -> int | None:
    """Return how many answers of this length it takes to be called browned out."""
    return next((count for count in range(1, most) if pace.took(seconds)), None)


def test_answers_that_are_several_times_slower_than_usual_are_a_brown_out_after_a_few() -> None:
    assert slow_until(usual(), 10.0) in range(2, 6)


def test_a_single_slow_answer_is_none() -> None:
    pace = usual()
    assert not pace.took(60.0)
    assert not any(pace.took(1.0) for _ in range(50))


def test_a_target_that_was_always_slow_is_not_browned_out() -> None:
    assert slow_until(usual(30.0), 45.0) is None


def test_milliseconds_are_not_worth_moving_for() -> None:
    assert slow_until(usual(0.005), 0.1) is None


def test_nothing_is_said_of_a_target_that_is_hardly_known() -> None:
    pace = usual(answers=5)
    assert not any(pace.took(10.0) for _ in range(KNOWN - 5))


def test_long_answers_may_take_longer() -> None:
    pace = Pace()
    for _ in range(100):
        pace.took(1.0, tokens_out=50)
    assert not any(pace.took(20.0, tokens_out=2000) for _ in range(20))


def test_what_stays_slow_becomes_what_is_usual() -> None:
    pace = usual()
    told = [pace.took(10.0) for _ in range(60)]
    assert any(told)
    assert not told[-1]
    assert slow_until(pace, 10.0) is None


def test_after_a_pause_the_next_answer_alone_is_believed() -> None:
    pace = usual()
    assert slow_until(pace, 20.0)
    assert not pace.took(1.0)
    assert slow_until(pace, 20.0)
    assert pace.took(20.0)


@given(st.lists(st.floats(0.8, 1.6), max_size=300))
def test_no_spread_of_one_to_two_is_ever_a_brown_out(times: list[float]) -> None:
    pace = Pace()
    assert not any(pace.took(time) for time in times)
