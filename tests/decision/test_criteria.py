"""What a request may change of its capability's criteria."""

import pytest
from tests.decision.weighed import USD
from tests.values import a_capability, a_target

from pointsman.core.capability import Capability
from pointsman.core.errors import BadRequest
from pointsman.core.routing import Criteria, Routing
from pointsman.decision.criteria import NAMES, criteria_for, with_told, written
from pointsman.settings.routing_shape import Criteria as Told

OWNED = Criteria(task="answer", value_nano_usd=USD, quality_floor=0.5)
ALL = {
    "risk": (0.5, 16.0),
    "value_usd": (0.0, 10.0),
    "error_usd": (0.0, 10.0),
    "delay_usd_per_s": (0.0, 10.0),
    "quality_floor": (0.5, 0.9),
    "confidence": (0.0, 1.0),
    "within_s": (1.0, 60.0),
    "cost_usd": (0.001, 1.0),
    "volume": (0.0, 1.0),
}


def owned(**settable: tuple[float, float]) -> Capability:
    return a_capability(routing=Routing(criteria=OWNED, incumbent=a_target(), settable=settable))


def test_the_owner_s_criteria_hold_where_a_request_says_nothing() -> None:
    assert criteria_for(owned(), {}) is OWNED
    assert criteria_for(a_capability(), {}) == Criteria()


def test_what_a_request_says_takes_the_place_of_what_its_owner_said() -> None:
    told = {"risk": 4.0, "value_usd": 0.5, "error_usd": 2.0, "delay_usd_per_s": 0.001, "quality_floor": 0.7, "confidence": 0.8, "within_s": 3.0}
    assert criteria_for(owned(**ALL), {**told, "cost_usd": 0.05, "volume": 1.0}) == Criteria(
        task="answer",
        risk=4.0,
        value_nano_usd=USD // 2,
        error_nano_usd=2 * USD,
        delay_nano_usd_per_s=1_000_000,
        quality_floor=0.7,
        confidence=0.8,
        within_s=3.0,
        cost_nano_usd=50_000_000,
        bulk=True,
    )


def test_every_criterion_of_the_settings_but_the_task_can_be_let_to_requests() -> None:
    assert {*NAMES, "task"} == set(Told.__struct_fields__)


@pytest.mark.parametrize(
    ("name", "number", "says_so"),
    [
        ("quality_floor", 0.4, "`quality_floor` is 0.4 in `x-pointsman-criteria`; `support` takes from 0.5 to 0.9."),
        ("risk", 16.0, "`risk` is `critical` in `x-pointsman-criteria`; `support` takes from `low` to `high`."),
        ("volume", 1.0, "A request must not set `volume` for `support`. It may set `quality_floor`, `risk`; its owner can add one under `routing."),
    ],
)
def test_what_the_owner_does_not_allow_is_refused_with_what_is_allowed(name: str, number: float, says_so: str) -> None:
    with pytest.raises(BadRequest) as refused:
        criteria_for(owned(quality_floor=(0.5, 0.9), risk=(0.5, 4.0)), {name: number})
    assert refused.value.message.startswith(says_so)
    assert refused.value.field == "x-pointsman-criteria"


def test_a_capability_that_is_not_chosen_by_value_takes_no_criteria() -> None:
    with pytest.raises(BadRequest, match="It may set none"):
        criteria_for(a_capability(), {"risk": 1.0})


def test_what_was_let_in_once_is_set_again_without_asking_and_unknown_names_are_left() -> None:
    assert with_told(OWNED, {"risk": 4.0, "quality_floor": 0.1, "of-a-later-version": 1.0}) == Criteria(
        task="answer", value_nano_usd=USD, quality_floor=0.1, risk=4.0
    )
    assert with_told(OWNED, {}) is OWNED


def test_what_a_request_told_is_written_as_in_its_header() -> None:
    assert written({"risk": 4.0, "within_s": 2.5, "volume": 1.0}) == "risk=high, within_s=2.5, volume=bulk"
