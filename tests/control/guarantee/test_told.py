"""
What is said of a promise: exactly that, and no more.
"""

import pytest
from msgspec.structs import replace
from tests.decision.guarantee.test_gate import MADE, STANDING, WISH

from pointsman.control.guarantee.told import nothing_for, stated, why_not
from pointsman.decision.guarantee.certificate import Drift, Standing
from pointsman.decision.guarantee.gate import Wish
from pointsman.decision.guarantee.sequence import Proof


def test_every_part_of_a_promise_is_said() -> None:
    found = stated(STANDING, WISH, now_ms=1_500, parameters="p1")

    assert (found.in_force, found.reason) == (True, "certified")
    assert "\n".join(found.says) == (
        "With probability at least 0.9 over the draw of its pairs, the expected quality is at most 0.02 below that of always asking `big`, when calls go to "
        "`small` or `tiny` wherever the predicted advantage is at least +0.05.\n"
        "It was proven on 1,000 pairs from shadow calls, told from 1970-01-01 to 1970-01-01 (digest `d1`): the loss on them was +0.0010, and is at most 0.0180 "
        "with that probability.\n"
        "About 30% of such calls leave `big`.\n"
        "It is about the mean over calls that are drawn like those pairs: not about a single call, a part of the traffic, or another capability.\n"
        "It lapses on 1970-01-01; before that with other parameters, another incumbent or a stricter promise in force, or when the traffic or the loss drifts "
        "(a false alarm has a probability of at most 1%). Then `big` answers.\n"
        "Since then 0 calls and 0 pairs were looked at. Of 200 that raise an alarm, bets on drift have 0 for predictions and 0 for losses."
    )


def test_how_often_drift_is_looked_for_is_said() -> None:
    found = stated(STANDING, WISH, now_ms=1_500, parameters="p1", every="1h")

    assert found.says[-1].endswith("for losses. A gateway looks every 1h (`learning.every`): until then calls go on as before.")


@pytest.mark.parametrize(
    ("standing", "wish", "says"),
    [
        (STANDING, replace(WISH, incumbent="bigger"), "the incumbent is another one now"),
        (STANDING, replace(WISH, loss=0.01), "asks for a stricter promise now"),
        (STANDING, replace(WISH, capability="refunds"), "(`guarantee:other_capability`)"),
        (replace(STANDING, certificate=replace(MADE, lapses_ms=1_400)), WISH, "It has lapsed."),
        (replace(STANDING, drift=Drift(alarm="drift:scores", alarm_ms=86_400_000)), WISH, "the traffic changed on 1970-01-02"),
        (replace(STANDING, drift=Drift(alarm="drift:loss")), WISH, "more is lost than was promised, as was noticed."),
    ],
)
def test_what_closes_a_promise_is_said_with_the_way_back(standing: Standing, wish: Wish, says: str) -> None:
    found = stated(standing, wish, now_ms=1_500, parameters="p1")

    assert not found.in_force
    assert says in found.says[-1]


@pytest.mark.parametrize(
    ("proof", "says"),
    [
        (Proof(threshold=None, pairs=10, why="too_few", missing=139), "There are 10 pairs; 139 more are the least"),
        (Proof(threshold=None, pairs=500, why="not_proven", missing=70), "About 70 more like them would, for a part of the traffic."),
        (Proof(threshold=None, pairs=500, why="not_proven", missing=None), "no part of the traffic that is worth while can leave"),
        (Proof(threshold=0.1, pairs=500), "500 pairs are enough for a promise"),
    ],
)
def test_why_nothing_is_promised_is_said_with_what_is_missing(proof: Proof, says: str) -> None:
    assert says in why_not(proof, loss=0.02, sure=0.9)


def test_a_capability_that_wants_no_guarantee_is_said_to_be_chosen_without() -> None:
    found = nothing_for("triage", Proof(threshold=None, pairs=3, why="too_few", missing=5), loss=0.02, sure=0.9, is_wanted=False)

    assert (found.in_force, found.missing) == (False, 5)
    assert "so it is chosen by prediction alone" in found.says[0]


def test_where_answers_are_looked_at_it_is_said_that_only_those_of_whoever_goes_first_were_proven() -> None:
    found = stated(STANDING, WISH, now_ms=1_500, parameters="p1", looked_at={"small", "elsewhere"})

    assert found.says[4] == (
        "It is about the answer of whoever goes first. Those of `small` are looked at (`routing.check`), and a doubtful one is replaced by one of `big`: such "
        "a call loses nothing, but what it would have gained no longer makes up for others, and that was not proven. No other way over several targets is "
        "taken under a guarantee."
    )
    assert stated(STANDING, WISH, now_ms=1_500, parameters="p1", looked_at={"big"}).says == stated(STANDING, WISH, now_ms=1_500, parameters="p1").says


@pytest.mark.parametrize(
    ("is_wanted", "says"),
    [
        (True, "No way that looks at answers of `small` or `tiny` first (`routing.check`) is taken under a guarantee: it is about whoever goes first."),
        (
            False,
            "Ways that look at answers of `small` or `tiny` first (`routing.check`) are kept, as a whole, to a loss of 0.02 by what is predicted, with a",
        ),
    ],
)
def test_what_ways_over_looked_at_answers_keep_to_without_a_promise_is_said(is_wanted: bool, says: str) -> None:
    proof = Proof(threshold=None, pairs=3, why="too_few", missing=5)

    assert nothing_for("triage", proof, loss=0.02, sure=0.9, is_wanted=is_wanted, looked_at={"tiny", "small"}).says[2].startswith(says)
    assert len(nothing_for("triage", proof, loss=0.02, sure=0.9, is_wanted=is_wanted).says) == 2
