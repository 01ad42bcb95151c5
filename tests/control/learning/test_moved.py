"""What moved, in words: the largest moves first, and not every one of them."""

from pointsman.control.learning.moved import moved
from pointsman.decision.prediction.parameters import Cell, Moments, Parameters


def a_cell(target: str, *, good: int, of: int) -> Cell:
    return Cell(capability="triage", task="", target=target, scores=Moments(of, good, good))


def test_the_largest_moves_stand_first_and_the_rest_is_counted() -> None:
    before = Parameters(cells=tuple(a_cell(f"t{number}", good=50, of=100) for number in range(12)))
    after = Parameters(cells=tuple(a_cell(f"t{number}", good=50 + 10 * number, of=200) for number in range(12)))
    told = moved(before, after, kinds={"outcome": 1_200, "human": 1})
    assert told[0] == "Learned from 1 judgement by people, 1,200 outcomes."
    assert told[1].startswith("`t11` on `triage`: 0.50 → ")  # from 50 of 100 to 160 of 200; `t0` fell to 50 of 200
    assert told[1].endswith("after 100 more.")
    assert told[-1] == "3 more moved."  # `t5` did not
    assert len(told) == 10


def test_where_nothing_was_told_it_says_so() -> None:
    assert moved(Parameters(), Parameters(), kinds={}) == ("Nothing new was told of answers.",)


def test_what_is_known_for_the_first_time_has_no_before() -> None:
    (_, told) = moved(Parameters(), Parameters(cells=(a_cell("t", good=8, of=8),)), kinds={"judge": 8})
    assert told.startswith("`t` on `triage`: ")
    assert "the first that is known" in told
