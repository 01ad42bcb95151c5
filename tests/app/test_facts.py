import pytest
from tests.values import PRICE, a_target, a_vendor

from pointsman.app.facts import Prices, facts
from pointsman.core.capability import RuleTable
from pointsman.core.target import Hardware, Target

NIGHT_MS = 1_795_000_000_000 // 86_400_000 * 86_400_000  # midnight, UTC


class Wall:
    def __init__(self, ms: int = NIGHT_MS) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms


def listed(model: str = "gpt-5-mini", kind: str = "openai") -> Target:
    return a_target(price=None, model=model, vendor=a_vendor(kind=kind))


def test_a_price_of_its_own_beats_the_catalogue() -> None:
    assert Prices(Wall()).of(a_target(model="gpt-5-mini", vendor=a_vendor(kind="openai"), price=PRICE)) is PRICE


def test_without_one_the_catalogue_is_asked_for_the_vendor() -> None:
    price = Prices(Wall()).of(listed())
    assert price is not None
    assert price.price_id.endswith("/openai/gpt-5-mini")


@pytest.mark.parametrize(
    "target",
    [
        listed("nonesuch"),
        listed(kind="openai_compatible"),  # anybody's server
        a_target(price=None, vendor=None),
        a_target(price=None, hardware=Hardware(hourly_nano_usd=1), vendor=a_vendor(kind="openai"), model="gpt-5-mini"),
    ],
)
def test_where_no_token_has_a_price_none_is_known(target: Target) -> None:
    assert Prices(Wall()).of(target) is None


def test_a_price_of_certain_hours_is_in_force_from_its_minute_on() -> None:
    wall = Wall(NIGHT_MS + 16 * 3_600_000 + 29 * 60_000 + 59_000)
    prices = Prices(wall)
    before = prices.of(listed("deepseek-chat", "deepseek"))
    assert before is prices.of(listed("deepseek-chat", "deepseek"))
    wall.ms += 1_000  # half past four, when the cheap hours begin
    after = prices.of(listed("deepseek-chat", "deepseek"))
    assert before is not None
    assert after is not None
    assert after.rates.tokens_in < before.rates.tokens_in


def test_the_settings_learn_which_targets_cost_something_known() -> None:
    known = facts(Prices(Wall()))
    assert known.has_price(listed())
    assert known.has_price(a_target(price=None, hardware=Hardware(hourly_nano_usd=1)))
    assert not known.has_price(listed("nonesuch"))


def test_the_settings_learn_what_is_usual_for_a_vendor_and_what_is_wrong_with_a_table() -> None:
    known = facts(Prices(Wall()))
    assert known.vendors["openai"].credential == "env:OPENAI_API_KEY"
    [fault] = known.rule_faults(RuleTable(name="t", rows=({"then": "explode"},), digest="0"))
    assert (fault.row, fault.column) == (0, "then")
