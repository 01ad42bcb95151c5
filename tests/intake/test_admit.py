"""The door: for which capability, and under which limits."""

import pytest
from tests.values import PRICE, Time, a_call, a_capability, a_key, a_principal, a_snapshot, a_target

from pointsman.core.call import Sampling
from pointsman.core.errors import NotPermitted, UnknownCapability
from pointsman.core.http import Deadlines
from pointsman.core.label import Level
from pointsman.core.principal import Key, Limit, LimitBy, Principal, Scope
from pointsman.core.snapshot import FIRST_TARGET_BIT, Snapshot
from pointsman.core.target import Price, Rates, Target
from pointsman.intake.admit import Intake
from pointsman.intake.cells import OwnCells
from pointsman.intake.errors import OverBudget, OverLimit
from pointsman.intake.meters import Meters
from pointsman.intake.roles import NoRole


def own_price(target: Target) -> Price | None:
    return target.price


def an_intake(snapshot: Snapshot | None = None, *limits: Limit, time: Time | None = None) -> Intake:
    return Intake(snapshot or a_snapshot(limits=limits), Meters(OwnCells()), clock=(time or Time()).clock, price_of=own_price)


def test_a_capability_is_found_by_name() -> None:
    capability = a_capability()
    assert an_intake(a_snapshot(capability)).find(a_principal(), "support") is capability


def test_a_capability_closed_to_the_key_looks_like_one_that_does_not_exist() -> None:
    principal = a_principal(a_key(capabilities=frozenset({"other"})))
    intake = an_intake()
    with pytest.raises(UnknownCapability) as closed:
        intake.find(principal, "support")
    with pytest.raises(UnknownCapability) as absent:
        intake.find(principal, "supporx")
    assert closed.value.message.replace("support", "") == absent.value.message.replace("supporx", "")


def test_a_key_that_may_not_call_calls_nothing() -> None:
    with pytest.raises(NotPermitted, match="scope `call`"):
        an_intake().find(a_principal(a_key(scopes=frozenset({Scope.OUTCOMES}))), "support")


def test_naming_a_target_is_a_permission_of_its_own() -> None:
    deadlines = Deadlines(total_s=1200)
    target = a_target(accepts=Level.CONFIDENTIAL, deadlines=deadlines)
    intake = an_intake(a_snapshot(a_capability(ladder=[target])))
    with pytest.raises(NotPermitted, match="scope `raw_targets`"):
        intake.find(a_principal(), "acme/small")
    raw = intake.find(a_principal(a_key(scopes=frozenset({Scope.CALL, Scope.RAW_TARGETS}))), "acme/small")
    assert (raw.ladder, raw.ceiling, raw.raw, raw.deadlines) == ((target,), Level.CONFIDENTIAL, True, deadlines)


def test_a_target_without_dead_lines_of_its_own_has_the_usual_ones() -> None:
    raw = an_intake().find(a_principal(a_key(scopes=frozenset(Scope))), "acme/small")
    assert raw.deadlines == Deadlines()


def test_a_target_never_hides_a_closed_capability_of_its_name() -> None:
    capability = a_capability("acme/small")
    key = a_key(scopes=frozenset(Scope), capabilities=frozenset({"other"}))
    with pytest.raises(UnknownCapability):
        an_intake(a_snapshot(capability)).find(a_principal(key), "acme/small")


def test_a_caller_sees_the_capabilities_it_may_use() -> None:
    intake = an_intake(a_snapshot(a_capability("a"), a_capability("b")))
    assert intake.listed(a_principal()) == ("a", "b")
    assert intake.listed(a_principal(a_key(capabilities=frozenset({"b", "gone"})))) == ("b",)


def test_the_time_of_day_decides_about_an_expired_key() -> None:
    intake = an_intake(a_snapshot(keys=[]))
    assert intake.identify(None, None, user="ann").user == "ann"


KEY = a_key(tenant="t", team="red", application="shop")


@pytest.mark.parametrize(
    ("by", "other"),
    [
        (LimitBy.KEY, a_key("other", tenant="t", team="red", application="shop")),
        (LimitBy.TENANT, a_key(tenant="u", team="red", application="shop")),
        (LimitBy.TEAM, a_key(tenant="t", team="blue", application="shop")),
        (LimitBy.APPLICATION, a_key(tenant="t", team="red", application="app")),
    ],
)
def test_a_limit_counts_together_what_shares_its_value(by: LimitBy, other: Key) -> None:
    intake = an_intake(None, Limit(name="one", by=by, requests_per_minute=1))
    intake.reserve(a_principal(KEY), a_capability(), call=a_call())
    intake.reserve(Principal(key=a_key("other", tenant=other.tenant, team=other.team, application=other.application)), a_capability(), call=a_call())
    with pytest.raises(OverLimit):
        intake.reserve(a_principal(KEY), a_capability("another"), call=a_call())


def test_a_limit_by_capability_counts_all_callers_together() -> None:
    intake = an_intake(None, Limit(name="one", by=LimitBy.CAPABILITY, requests_per_minute=1))
    intake.reserve(a_principal(KEY), a_capability("a"), call=a_call())
    intake.reserve(a_principal(KEY), a_capability("b"), call=a_call())
    with pytest.raises(OverLimit):
        intake.reserve(a_principal(a_key("other")), a_capability("a"), call=a_call())


def test_a_limit_for_one_value_leaves_the_others_alone() -> None:
    intake = an_intake(None, Limit(name="one", by=LimitBy.TEAM, only="red", requests_per_minute=0))
    with pytest.raises(OverLimit):
        intake.reserve(a_principal(KEY), a_capability(), call=a_call())
    intake.reserve(a_principal(a_key("blue", team="blue")), a_capability(), call=a_call())
    intake.reserve(a_principal(a_key("nobody")), a_capability(), call=a_call())


def test_each_user_of_each_tenant_has_a_count_of_its_own() -> None:
    intake = an_intake(None, Limit(name="each", by=LimitBy.USER, requests_per_minute=1))
    for key in (a_key(tenant="t"), a_key("other", tenant="u")):
        for user in ("ann", "bob"):
            intake.reserve(a_principal(key, user=user), a_capability(), call=a_call())
    with pytest.raises(OverLimit):
        intake.reserve(a_principal(a_key(tenant="t"), user="ann"), a_capability(), call=a_call())
    intake.reserve(a_principal(a_key(tenant="t")), a_capability(), call=a_call())  # nobody is acted for


def test_a_limit_for_one_user_names_the_tenant_too() -> None:
    intake = an_intake(None, Limit(name="ann", by=LimitBy.USER, only="t/ann", requests_per_minute=0))
    with pytest.raises(OverLimit):
        intake.reserve(a_principal(a_key(tenant="t"), user="ann"), a_capability(), call=a_call())
    intake.reserve(a_principal(a_key(tenant="u"), user="ann"), a_capability(), call=a_call())


# ── what is reserved ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_prompt_and_the_longest_answer_are_reserved() -> None:
    call = a_call("x" * 400, sampling=Sampling(max_tokens=50))  # 101 tokens in, 50 out
    an_intake(None, Limit(name="t", by=LimitBy.KEY, tokens_per_minute=151)).reserve(a_principal(), a_capability(), call=call)
    with pytest.raises(OverLimit):
        an_intake(None, Limit(name="t", by=LimitBy.KEY, tokens_per_minute=150)).reserve(a_principal(), a_capability(), call=call)


def test_where_the_call_does_not_bound_its_answer_the_targets_do() -> None:
    ladder = [a_target(max_output_tokens=10), a_target("acme/big", bit=FIRST_TARGET_BIT + 1, max_output_tokens=99)]
    call = a_call("x" * 400)
    an_intake(None, Limit(name="t", by=LimitBy.KEY, tokens_per_minute=200)).reserve(a_principal(), a_capability(ladder=ladder), call=call)
    with pytest.raises(OverLimit):
        an_intake(None, Limit(name="t", by=LimitBy.KEY, tokens_per_minute=199)).reserve(a_principal(), a_capability(ladder=ladder), call=call)


def test_each_of_the_answers_that_are_asked_for_is_reserved() -> None:
    call = a_call("x" * 400, sampling=Sampling(max_tokens=50), answers=3)
    an_intake(None, Limit(name="t", by=LimitBy.KEY, tokens_per_minute=251)).reserve(a_principal(), a_capability(), call=call)
    with pytest.raises(OverLimit):
        an_intake(None, Limit(name="t", by=LimitBy.KEY, tokens_per_minute=250)).reserve(a_principal(), a_capability(), call=call)


def test_the_dearest_target_of_the_ladder_decides_how_much_money_is_reserved() -> None:
    dear = Price(price_id="contract:dear", rates=Rates(tokens_in=10_000_000, tokens_out=20_000_000), per_request_nano_usd=7)
    ladder = [
        a_target(price=None),
        a_target("a/cheap", bit=3, price=Price(price_id="c", rates=Rates(tokens_in=1, tokens_out=1))),
        a_target("a/dear", bit=4, price=dear),
    ]
    call = a_call("x" * 400, sampling=Sampling(max_tokens=50))
    cost = 101 * 10 + 50 * 20 + 7
    an_intake(None, Limit(name="m", by=LimitBy.KEY, budget_nano_usd=cost)).reserve(a_principal(), a_capability(ladder=ladder), call=call)
    with pytest.raises(OverBudget):
        an_intake(None, Limit(name="m", by=LimitBy.KEY, budget_nano_usd=cost - 1)).reserve(a_principal(), a_capability(ladder=ladder), call=call)


def test_a_long_prompt_is_reserved_at_the_price_of_its_tier() -> None:
    tiers = ((100, Rates(tokens_in=5_000_000, tokens_out=0)), (1000, Rates(tokens_in=9_000_000, tokens_out=0)))
    price = Price(price_id="t", rates=Rates(tokens_in=1_000_000, tokens_out=0), tiers=tiers)
    capability = a_capability(ladder=[a_target(price=price)])
    call = a_call("x" * 400)
    an_intake(None, Limit(name="m", by=LimitBy.KEY, budget_nano_usd=505)).reserve(a_principal(), capability, call=call)
    with pytest.raises(OverBudget):
        an_intake(None, Limit(name="m", by=LimitBy.KEY, budget_nano_usd=504)).reserve(a_principal(), capability, call=call)


def test_without_limits_a_call_reserves_nothing_and_settles_for_nothing() -> None:
    an_intake().reserve(a_principal(), a_capability(), call=a_call()).settle(10, 10)


# ── budgets that outlive the process ────────────────────────────────────────────────────────────────────────────────


def test_a_budget_remembers_what_was_spent_before() -> None:
    money = Limit(name="m", by=LimitBy.TEAM, budget_nano_usd=10_000_000)
    speed = Limit(name="s", by=LimitBy.TEAM, requests_per_minute=100)
    intake = an_intake(None, money, speed)
    assert intake.budgets() == (money,)
    intake.seed(money, {"default/red": 10_000_000, "default/blue": 1})
    with pytest.raises(OverBudget):
        intake.reserve(a_principal(a_key("red", team="red")), a_capability(), call=a_call())
    intake.reserve(a_principal(a_key("blue", team="blue")), a_capability(), call=a_call())


def test_a_budget_of_one_team_ignores_what_others_spent() -> None:
    money = Limit(name="m", by=LimitBy.TEAM, only="red", budget_nano_usd=PRICE.rates.tokens_out)
    intake = an_intake(None, money)
    intake.seed(money, {"default/blue": PRICE.rates.tokens_out})
    intake.reserve(a_principal(a_key("red", team="red")), a_capability(), call=a_call())


@pytest.mark.parametrize("only", [None, "red"])
@pytest.mark.parametrize(("by", "field"), [(LimitBy.TEAM, "team"), (LimitBy.APPLICATION, "application")])
def test_two_tenants_with_a_team_of_one_name_share_nothing(by: LimitBy, field: str, only: str | None) -> None:
    intake = an_intake(None, Limit(name="l", by=by, only=only, requests_per_minute=1))
    for tenant in ("acme", "globex"):
        key = a_key(f"of-{tenant}", tenant=tenant, **{field: "red"})
        intake.reserve(a_principal(key), a_capability(), call=a_call())
        with pytest.raises(OverLimit):
            intake.reserve(a_principal(key), a_capability(), call=a_call())


def test_a_person_without_a_role_that_calls_is_told_of_the_role_and_not_of_a_key() -> None:
    with pytest.raises(NoRole):
        an_intake().find(a_principal(a_key("@@people", scopes=frozenset())), "support")


def test_so_many_callers_that_none_can_be_remembered_are_still_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.intake.admit._MOST_REMEMBERED", 1)
    limit = Limit(name="pace", by=LimitBy.KEY, requests_per_minute=1)
    intake = an_intake(None, limit)
    for key_id in ("one", "other"):
        intake.reserve(a_principal(a_key(key_id)), a_capability(), call=a_call())
    with pytest.raises(OverLimit):
        intake.reserve(a_principal(a_key("one")), a_capability(), call=a_call())
