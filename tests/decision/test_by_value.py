"""Who goes first by value, in which order the others follow, and what is told about each."""

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace
from tests.decision.weighed import ALL, NOTHING, USD, Known, a_chooser, a_routed, choose, first, ladder_of, learned
from tests.values import a_call, a_target

from pointsman.core.call import Role, Sampling, Text, Turn
from pointsman.core.errors import BadRequest, NoPlaceAllowed
from pointsman.core.label import Level, a_label
from pointsman.core.place import Place
from pointsman.core.reply import Usage
from pointsman.core.routing import Criteria, Trial
from pointsman.core.target import Desk, Price, Rates
from pointsman.core.verdict import Keeping, Verdict
from pointsman.decision.by_value import ByValue
from pointsman.decision.choice import Choice, Circumstances
from pointsman.decision.choose import Chooser
from pointsman.decision.guarantee.certificate import Certificate, Drift, Standing, encode, predicting
from pointsman.decision.learned import Learned
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.sessions import CACHED_FOR_MS, Sessions

CHEAP, MIDDLE, DEAR = Known(quality=0.6, usd=0.001), Known(quality=0.895, usd=0.004), Known(quality=0.9, usd=0.02)
POOL = {"cheap": CHEAP, "middle": MIDDLE, "dear": DEAR}


def way(choice: Choice) -> list[tuple[str, str]]:
    return [(rung.target.name, rung.reason) for rung in choice.rungs]


def reasons(choice: Choice) -> dict[str, str]:
    return {one.target: one.reason for one in choice.weighed}


# ── who goes first ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_cheapest_that_is_not_worse_than_the_incumbent_goes_first() -> None:
    choice = choose(POOL)
    assert way(choice) == [("middle", "best_value"), ("dear", "next_after:middle"), ("cheap", "next_after:dear")]
    assert reasons(choice) == {"cheap": "guard:worse", "middle": "", "dear": ""}
    assert (choice.mode, choice.propensity, choice.learned) == ("policy", 1.0, "d" * 32)


def test_what_each_was_expected_to_do_is_told_in_money() -> None:
    seen = choose(POOL, Criteria(value_nano_usd=USD, error_nano_usd=2 * USD, risk=4.0, delay_nano_usd_per_s=1000)).weighed[1]
    assert (seen.target, seen.quality, seen.cost_nano_usd, seen.latency_ms, seen.probability) == ("middle", 0.895, 4_000_000, 1000.0, 0.0)
    assert seen.value_nano_usd == round(0.895 * USD - 8 * USD * (1 - 0.895) - 4_000_000 - 1000)
    assert seen.low < seen.quality < seen.high


def test_where_answers_are_worth_much_the_better_one_goes_first() -> None:
    assert first(POOL, Criteria(value_nano_usd=2 * USD)) == "middle"
    assert first(POOL, Criteria(value_nano_usd=4 * USD)) == "dear"


def test_of_equals_the_incumbent_answers() -> None:
    assert way(choose({"a": DEAR, "b": DEAR}, incumbent="b"))[0] == ("b", "incumbent")


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (Known(quality=0.9, usd=0.001, sd=0.2), "guard:worse"),
        (Known(quality=0.9, usd=0.001, novelty=1.0, labels=10.0), "guard:novel"),
        (Known(quality=0.9, usd=0.001, basis="none"), "guard:unknown"),
    ],
)
def test_nobody_goes_before_the_incumbent_on_a_guess(known: Known, reason: str) -> None:
    choice = choose({"new": known, "dear": DEAR})
    assert (way(choice)[0], reasons(choice)["new"]) == (("dear", "incumbent"), reason)


def test_a_critical_capability_lets_others_be_worse_by_less() -> None:
    pool = {"close": Known(quality=0.89, usd=0.001), "dear": DEAR}
    assert [first(pool, Criteria(risk=risk)) for risk in (0.5, 1.0, 4.0)] == ["close", "close", "dear"]


def test_where_the_incumbent_cannot_take_the_call_others_are_still_measured_by_it() -> None:
    choice = a_chooser(POOL, down={"dear": "failing"}).choose(a_call(), a_routed(ladder_of(POOL)), verdict=ALL)
    assert (way(choice)[0], choice.considered) == (("middle", "best_value"), (("dear", "breaker:failing"),))
    bad = {"bad": Known(quality=0.5, usd=0.001), "fair": Known(quality=0.7, usd=0.01), "dear": DEAR}
    assert way(a_chooser(bad, down={"dear": "failing"}).choose(a_call(), a_routed(ladder_of(bad)), verdict=ALL)) == [
        ("fair", "stands_in"),
        ("bad", "next_after:fair"),
    ]
    assert way(a_chooser(None, down={"dear": "failing"}).choose(a_call(), a_routed(ladder_of(bad)), verdict=ALL))[0] == ("bad", "stands_in")


def test_nothing_learned_is_no_reason_to_leave_the_owner_s_order() -> None:
    ladder = ladder_of(POOL)
    choice = a_chooser(None).choose(a_call(), a_routed(ladder, incumbent="middle"), verdict=ALL)
    assert way(choice) == [("middle", "incumbent"), ("cheap", "next_after:middle"), ("dear", "next_after:cheap")]
    assert (choice.learned, choice.features) == ("", None)
    assert reasons(choice) == {"cheap": "guard:unknown", "middle": "", "dear": ""}


def test_policy_speaks_first_whatever_was_learned() -> None:
    verdict = Verdict(label=a_label("restricted"), mask=0, snapshot="s")
    assert isinstance(choose(POOL, verdict=verdict).refusal, NoPlaceAllowed)


def test_what_was_looked_at_is_told_as_numbers_not_as_words() -> None:
    choice = choose(POOL, call=a_call(turns=(Turn(Role.USER, (Text("four"),)),)))
    assert choice.features == "AAAABA=="


@pytest.mark.parametrize(("keeping", "is_read"), [(Keeping.NOTHING, False), (Keeping.HASH, False), (Keeping.FILTERED, True), (Keeping.FULL, True)])
def test_where_nothing_was_learned_of_prompts_one_is_read_only_if_what_is_seen_may_be_kept(*, keeping: Keeping, is_read: bool) -> None:
    chooser = Chooser(
        misfits=lambda call, target: (), health=dict[str, str]().get, by_value=ByValue(learned=Learned(Predictor(Parameters(), reads=True), digest="d"))
    )
    choice = chooser.choose(a_call("Where is it?"), a_routed(ladder_of({"one": Known(), "two": Known()})), verdict=replace(ALL, keeping=keeping))
    assert (choice.features is not None) is is_read


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("criteria", "told"),
    [
        (Criteria(quality_floor=0.7), {"cheap": "floor"}),
        (Criteria(quality_floor=0.895, confidence=0.5), {"cheap": "floor"}),
        (Criteria(quality_floor=0.895, confidence=0.9), {"cheap": "floor", "middle": "floor"}),
        (Criteria(within_s=5.0), {"dear": "too_late"}),
        (Criteria(cost_nano_usd=4_000_000), {"dear": "too_dear"}),
    ],
)
def test_who_breaks_a_bound_is_told_with_it(criteria: Criteria, told: Mapping[str, str]) -> None:
    pool = {**POOL, "dear": Known(quality=0.9, usd=0.02, s=9.0)}
    assert {name: reason for name, reason in reasons(choose(pool, criteria)).items() if not reason.startswith("guard") and reason} == told


def test_bounds_are_given_up_the_ceiling_first_the_dead_line_next_the_floor_last() -> None:
    quick, good, both = Known(quality=0.6, usd=0.01, s=1.0), Known(quality=0.9, usd=0.01, s=9.0), Known(quality=0.9, usd=0.5, s=1.0)
    bounds = Criteria(quality_floor=0.8, within_s=5.0, cost_nano_usd=100_000_000)
    wide: dict[str, Any] = {"loss": 0.49, "sure": 0.5}
    assert way(choose({"quick": quick, "good": good, "both": both}, bounds, **wide))[0] == ("both", "relaxed:cost_usd")
    assert way(choose({"quick": quick, "good": good}, bounds, **wide))[0] == ("good", "relaxed:within_s")
    assert way(choose({"quick": quick}, bounds, **wide))[0] == ("quick", "relaxed:quality_floor")


def test_of_those_that_break_a_bound_the_one_that_breaks_it_least_goes_first() -> None:
    pool = {"late": Known(s=8.0), "later": Known(s=9.0, usd=0.001)}
    assert way(choose(pool, Criteria(within_s=5.0)))[0] == ("late", "relaxed:within_s")


def test_who_breaks_a_bound_is_still_tried_when_all_others_failed() -> None:
    pool = {"dear": Known(usd=0.9), "cheap": Known(quality=0.5, usd=0.001), "usual": Known(usd=0.01)}
    assert [name for name, _ in way(choose(pool, Criteria(cost_nano_usd=50_000_000)))] == ["usual", "cheap", "dear"]


def test_a_price_or_a_time_that_nobody_knows_is_no_advantage() -> None:
    pool = {"unknown": Known(quality=0.9, usd=None), "dear": DEAR}
    assert first(pool) == "dear"
    assert reasons(choose(pool, Criteria(cost_nano_usd=USD)))["unknown"] == "price_unknown"
    slow = {"unknown": Known(s=None), "quick": Known(s=1.0)}
    assert first(slow, Criteria(delay_nano_usd_per_s=USD)) == "quick"


# ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_people_have_a_price_and_a_delay_and_go_first_for_nobody() -> None:
    desk = a_target("desk", bit=7, place=Place.PEOPLE, price=None, desk=Desk(item_nano_usd=5 * USD, delay_s=3600.0, says="Soon."))
    capability = a_routed([*ladder_of(POOL), desk], incumbent="dear", criteria=Criteria(value_nano_usd=1000 * USD))
    for chooser in (a_chooser({**POOL, "desk": Known(quality=0.5, basis="none", s=None)}), a_chooser(None)):
        choice = chooser.choose(a_call(), capability, verdict=ALL)
        seen = choice.weighed[-1]
        assert (seen.cost_nano_usd, seen.latency_ms, seen.quality, seen.reason) == (5 * USD, 3_600_000.0, 0.95, "guard:unknown")
        assert choice.rungs[0].target.name == "dear"


# ── trials ──────────────────────────────────────────────────────────────────────────────────────────────────────────

OPEN = Known(quality=0.88, usd=0.001, sd=0.1)


def tried(chance: float, *, pool: Mapping[str, Known] | None = None, level: str = "internal", **told: Any) -> Choice:
    more: dict[str, Any] = {"explore": Trial(share=0.2), **told}
    verdict = Verdict(label=a_label(level), mask=-1, snapshot="s")
    return choose(pool or {"new": OPEN, "dear": DEAR}, told.pop("criteria", Criteria()), now=Circumstances(chance=chance), verdict=verdict, **more)


def test_now_and_then_what_is_not_well_known_is_tried_with_the_probability_on_record() -> None:
    usual, trial = tried(0.0), tried(0.999)
    assert (way(usual)[0], usual.mode) == (("dear", "incumbent"), "policy")
    assert (way(trial)[:2], trial.mode) == ([("new", "explores"), ("dear", "next_after:new")], "explore")
    assert usual.propensity + trial.propensity == pytest.approx(1.0)
    assert 0.01 <= trial.propensity <= 0.2
    assert {one.target: one.probability for one in trial.weighed} == {"new": trial.propensity, "dear": usual.propensity}


def test_nothing_is_tried_with_stricter_data_in_a_conversation_or_under_a_guarantee() -> None:
    assert tried(0.999, level="confidential").mode == "policy"
    assert tried(0.999, explore=Trial(share=0.2, ceiling=Level.CONFIDENTIAL), level="confidential").mode == "explore"
    assert tried(0.999, guarantee=True).mode == "policy"
    assert tried(0.999, explore=None).mode == "policy"


def test_nothing_is_tried_whose_best_case_misses_the_floor_or_that_breaks_another_bound() -> None:
    for bound in (Criteria(quality_floor=0.89), Criteria(within_s=0.5), Criteria(cost_nano_usd=1)):
        hopeless = {"new": Known(quality=0.5, usd=0.001, sd=0.1), "dear": DEAR}
        assert choose(hopeless, bound, now=Circumstances(chance=0.999), explore=Trial(share=0.2)).mode == "policy"


def test_trials_end_when_the_day_s_money_is_spent() -> None:
    spent = {"support": 0}
    pool = {"new": OPEN, "dear": DEAR}
    by_value = ByValue(learned=a_chooser(pool)._by_value.learned, spent=lambda capability: spent[capability])
    chooser = Chooser(misfits=lambda call, target: (), health={}.get, by_value=by_value)
    capability = a_routed(ladder_of(pool), explore=Trial(share=0.2, daily_nano_usd=USD))
    modes = []
    for spent["support"] in (0, USD):
        modes.append(chooser.choose(a_call(), capability, verdict=ALL, now=Circumstances(chance=0.999)).mode)
    assert modes == ["explore", "policy"]


# ── conversations ───────────────────────────────────────────────────────────────────────────────────────────────────

NOW = 1_700_000_000_000
CACHING = Price(price_id="test", rates=Rates(tokens_in=2 * USD, tokens_out=2 * USD, cache_read=USD // 5))
PLAINLY = Price(price_id="test", rates=Rates(tokens_in=USD, tokens_out=USD))


def talk(chooser: Chooser, *, session: str | None = "s", tenant: str = "t", at_ms: int = NOW) -> Choice:
    ladder = [a_target("b", bit=3, price=PLAINLY), a_target("a", bit=2, price=CACHING)]
    capability = a_routed(ladder, explore=Trial(share=0.2))
    now = Circumstances(session=session, tenant=tenant, now_ms=at_ms, chance=0.0)
    return chooser.choose(a_call(size_chars=40_000, sampling=Sampling(max_tokens=10)), capability, verdict=ALL, now=now)


def test_a_conversation_stays_where_its_prompt_is_cached_unless_it_pays_to_move() -> None:
    same = {"a": Known(), "b": Known()}
    chooser, sessions = a_chooser(same, sessions=(kept := Sessions())), kept
    assert talk(chooser).rungs[0].target.name == "b"  # half the price
    begun = talk(chooser)
    chooser.answered(begun, "a", usage=Usage(tokens_in=9000, tokens_out=1000))
    assert len(sessions) == 1
    assert way(talk(chooser))[0] == ("a", "stays")
    assert talk(chooser, tenant="u").rungs[0].target.name == "b"
    assert talk(chooser, session=None).rungs[0].target.name == "b"
    assert way(talk(chooser, at_ms=NOW + CACHED_FOR_MS + 1))[0] == ("b", "best_value")  # the vendor has forgotten it


def test_a_conversation_moves_where_its_vendor_is_seen_to_have_kept_nothing_of_it() -> None:
    chooser = a_chooser({"a": Known(), "b": Known()})
    for told in (Usage(tokens_in=9000, tokens_out=1000), Usage(tokens_in=10_100, tokens_out=100)):
        chooser.answered(talk(chooser), "a", usage=told)
    assert way(talk(chooser))[0] == ("b", "best_value")
    for told in (Usage(tokens_in=10_300, tokens_out=100), Usage(tokens_in=10_500, tokens_out=100, cache_read=10_400)):
        chooser.answered(talk(chooser), "a", usage=told)
    assert way(talk(chooser))[0] == ("a", "stays")


def test_of_equals_the_one_where_the_conversation_stands_answers() -> None:
    pool = {"a": Known(), "b": Known(), "c": Known()}
    chooser = a_chooser(pool)
    now = Circumstances(session="s", now_ms=NOW)
    begun = chooser.choose(a_call(), a_routed(ladder_of(pool)), verdict=ALL, now=now)
    assert begun.rungs[0].target.name == "c"
    chooser.answered(begun, "a")
    assert way(chooser.choose(a_call(), a_routed(ladder_of(pool)), verdict=ALL, now=now))[0] == ("a", "stays")


def test_a_call_without_a_conversation_leaves_no_trace() -> None:
    chooser = a_chooser(POOL, sessions=(sessions := Sessions()))
    choice = chooser.choose(a_call(), a_routed(ladder_of(POOL)), verdict=ALL)
    chooser.answered(choice, choice.rungs[0].target.name)
    assert len(sessions) == 0


# ── a guarantee ─────────────────────────────────────────────────────────────────────────────────────────────────────


def promised(*, targets: tuple[str, ...] = ("cheap", "middle"), threshold: float = -0.01, drift: Drift | None = None, now_ms: int = NOW) -> Choice:
    certificate = Certificate(
        capability="support",
        incumbent="dear",
        targets=targets,
        threshold=threshold,
        loss=0.02,
        sure=0.9,
        pairs=1000,
        pairs_elsewhere=300,
        share_elsewhere=0.3,
        mean=0.01,
        bound=0.019,
        source="shadows",
        data="x",
        from_ms=0,
        until_ms=1,
        made_ms=NOW - 1,
        lapses_ms=NOW + 1000,
        parameters=predicting(NOTHING),
    )
    kept = Parameters(certificates={"support": encode(Standing(certificate=certificate, drift=drift or Drift()))})
    chooser = Chooser(misfits=lambda call, target: (), health={}.get, by_value=ByValue(learned=learned(POOL, kept)))
    return chooser.choose(a_call(), a_routed(ladder_of(POOL), guarantee=True), verdict=ALL, now=Circumstances(now_ms=now_ms))


def test_under_a_certificate_the_target_that_it_is_about_goes_first() -> None:
    choice = promised()
    assert way(choice)[0] == ("middle", "certified")
    assert reasons(choice)["cheap"] == "guarantee:not_preferred"


def test_without_one_that_holds_the_incumbent_answers_and_why_is_told() -> None:
    for choice, why in (
        (choose(POOL, guarantee=True), "guarantee:none"),
        (promised(threshold=0.1), "guarantee:below_threshold"),
        (promised(now_ms=NOW + 5000), "guarantee:lapsed"),
        (promised(drift=Drift(alarm="drift:loss")), "guarantee:drift:loss"),
        (a_chooser(None).choose(a_call(), a_routed(ladder_of(POOL), guarantee=True), verdict=ALL), "guarantee:none"),
    ):
        assert (way(choice)[0], reasons(choice)["middle"]) == (("dear", "incumbent"), why)


# ── criteria of the request ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_changes_the_choice_within_what_its_owner_allows() -> None:
    settable = {"value_usd": (0.0, 5.0)}
    assert choose(POOL, now=Circumstances(criteria={"value_usd": 4.0}), settable=settable).rungs[0].target.name == "dear"
    with pytest.raises(BadRequest, match="takes from 0 to 5"):
        choose(POOL, now=Circumstances(criteria={"value_usd": 6.0}), settable=settable)


def test_what_was_learned_of_nothing_else_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A capability without `routing` is chosen as it always was: nobody predicts."""

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Learned, "standing", never)
    chooser = Chooser(misfits=lambda call, target: (), health={}.get, by_value=ByValue(learned=None))
    capability = a_routed(ladder_of(POOL))
    by_order = type(capability)(name="x", version="v", ladder=capability.ladder)
    choice = chooser.choose(a_call(), by_order, verdict=ALL)
    assert (choice.weighed, way(choice)[0]) == ((), ("cheap", "first_choice"))
