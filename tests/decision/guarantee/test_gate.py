"""
The gate: nothing leaves the incumbent without a certificate that is about exactly this, and still holds.
"""

from typing import Any, Final

import pytest
from msgspec.structs import replace

from pointsman.decision.guarantee import gate as g
from pointsman.decision.guarantee.certificate import Certificate, Drift, Standing, decode, encode

MADE: Final = Certificate(
    capability="triage",
    incumbent="big",
    targets=("small", "tiny"),
    threshold=0.05,
    loss=0.02,
    sure=0.9,
    pairs=1000,
    pairs_elsewhere=300,
    share_elsewhere=0.3,
    mean=0.001,
    bound=0.018,
    source="shadows",
    data="d1",
    from_ms=0,
    until_ms=900,
    made_ms=1_000,
    lapses_ms=2_000,
    parameters="p1",
)
STANDING: Final = Standing(certificate=MADE)
WISH: Final = g.Wish(capability="triage", incumbent="big", target="small", advantages={"small": 0.1, "tiny": 0.0, "other": 0.9}, loss=0.02, sure=0.9)


def test_a_call_may_go_elsewhere_under_a_certificate_that_is_about_it() -> None:
    assert g.gate(STANDING, WISH, now_ms=1_500, parameters="p1") == g.Gate(g.OPEN)
    assert g.gate(STANDING, WISH, now_ms=1_500, parameters="p1").is_open


@pytest.mark.parametrize(
    ("wish", "when", "reason"),
    [
        ({"capability": "refunds"}, {}, g.OTHER_CAPABILITY),
        ({"incumbent": "bigger"}, {}, g.OTHER_INCUMBENT),
        ({"loss": 0.01}, {}, g.OTHER_PROMISE),
        ({"sure": 0.95}, {}, g.OTHER_PROMISE),
        ({"target": "other"}, {}, g.NOT_COVERED),
        ({"target": "tiny"}, {}, g.NOT_PREFERRED),
        ({"advantages": {"small": 0.04}}, {}, g.BELOW),
        ({"advantages": {"small": float("nan")}}, {}, g.BELOW),
        ({"advantages": {}}, {}, g.NOT_COVERED),
        ({}, {"now_ms": 2_000}, g.LAPSED),
        ({}, {"now_ms": 999}, g.LAPSED),
        ({}, {"parameters": "p2"}, g.OTHER_PARAMETERS),
    ],
)
def test_anything_the_certificate_is_not_about_stays_with_the_incumbent(wish: dict[str, Any], when: dict[str, Any], reason: str) -> None:
    found = g.gate(STANDING, replace(WISH, **wish), **({"now_ms": 1_500, "parameters": "p1"} | when))

    assert (found.is_open, found.reason) == (False, reason)


def test_without_a_certificate_nothing_is_promised_and_nothing_moves() -> None:
    assert g.gate(None, WISH, now_ms=1_500, parameters="p1").reason == g.NOTHING_PROMISED


def test_an_alarm_closes_the_gate_for_every_call() -> None:
    alarmed = replace(STANDING, drift=Drift(alarm="drift:loss", alarm_ms=1_400))

    assert g.gate(alarmed, WISH, now_ms=1_500, parameters="p1").reason == "guarantee:drift:loss"


def test_what_a_lower_price_is_worth_decides_between_covered_targets() -> None:
    leaning = replace(STANDING, certificate=replace(MADE, lean={"tiny": 0.2}, threshold=-0.1))

    assert g.gate(leaning, replace(WISH, target="tiny"), now_ms=1_500, parameters="p1").is_open
    assert g.gate(leaning, WISH, now_ms=1_500, parameters="p1").reason == g.NOT_PREFERRED


def test_a_standing_comes_back_from_its_bytes_and_those_of_another_version_promise_nothing() -> None:
    assert decode(encode(STANDING)) == STANDING
    assert decode(b"\x81\xa5shape\x02") is None
    assert decode(b"not ours") is None
    assert decode(encode(STANDING).replace(b"\xa5shape\x01", b"\xa5shape\x02")) is None
