"""Which field moves the choice in which direction: one law for each line of the table in `docs/choice.md`, for the choice when nothing is tried or checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.decision.weighed import ALL, USD, Known, a_chooser, a_routed, choose, first, ladder_of
from tests.values import a_call, a_target

from pointsman.core.call import Call
from pointsman.core.label import a_label
from pointsman.core.routing import Criteria, Routing
from pointsman.core.verdict import Verdict
from pointsman.decision.by_value import ByValue
from pointsman.decision.choose import Chooser
from pointsman.decision.learned import Learned
from pointsman.decision.prediction.cells import counted
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Label, Prompt
from pointsman.decision.weighing import Seen, Weighing

NAMES: Final = ("a", "b", "c", "d")
BOUNDS: Final = ("floor", "too_late", "too_dear", "price_unknown")


def hundredths(least: int, most: int) -> st.SearchStrategy[float]:
    return st.integers(least, most).map(lambda number: number / 100)


seen = st.builds(Known, quality=hundredths(0, 100), sd=hundredths(1, 30), usd=hundredths(0, 300), s=hundredths(0, 900))
pools = st.lists(seen, min_size=2, max_size=4).map(lambda told: dict(zip(NAMES, told, strict=False)))
dollars = hundredths(0, 1000).map(lambda usd: round(usd * USD))
criteria = st.builds(
    Criteria,
    risk=st.sampled_from([0.5, 1.0, 4.0, 16.0]),
    value_nano_usd=dollars,
    error_nano_usd=dollars,
    delay_nano_usd_per_s=st.one_of(st.just(0), dollars),
    quality_floor=st.one_of(st.just(0.0), hundredths(0, 100)),
    confidence=hundredths(1, 99),
    within_s=st.one_of(st.none(), hundredths(1, 900)),
    cost_nano_usd=st.one_of(st.none(), dollars),
)


@dataclass(frozen=True)
class Two:
    """Two values of one field, the smaller first."""

    less: Any
    more: Any


def two(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Two]:
    return st.tuples(values, values).map(lambda both: Two(*sorted(both)))


def within_bounds(pool: Mapping[str, Known], told: Criteria) -> set[str]:
    return {one.target for one in choose(pool, told).weighed if one.reason not in BOUNDS}


def may_go_first(pool: Mapping[str, Known], routing: Routing) -> frozenset[str]:
    by_value = a_chooser(pool)._by_value
    capability = replace(a_routed(ladder_of(pool)), routing=routing)
    looked = Seen(capability=capability, routing=routing, criteria=routing.criteria, prompt=Prompt(), stands=None, now_ms=0)
    candidates = by_value._candidates(a_call(), capability.ladder, seen=looked, standing=None)
    return Weighing(looked, candidates=candidates, learned=by_value.learned).passed()


def routing_of(pool: Mapping[str, Known], **told: Any) -> Routing:
    return Routing(incumbent=ladder_of(pool)[-1], **told)


# ── worth ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(pools, criteria, two(dollars))
def test_a_higher_value_of_success_never_moves_to_lower_quality(pool: Mapping[str, Known], told: Criteria, value: Two) -> None:
    before, after = (pool[first(pool, replace(told, value_nano_usd=one))] for one in (value.less, value.more))
    assert after.quality >= before.quality


@given(pools, criteria, two(dollars))
def test_a_dearer_error_never_moves_to_lower_quality(pool: Mapping[str, Known], told: Criteria, error: Two) -> None:
    before, after = (pool[first(pool, replace(told, error_nano_usd=one))] for one in (error.less, error.more))
    assert after.quality >= before.quality


@given(pools, criteria, two(st.sampled_from([0.5, 1.0, 4.0, 16.0])))
def test_a_higher_risk_never_moves_to_lower_quality_among_those_that_may_go_first(pool: Mapping[str, Known], told: Criteria, risk: Two) -> None:
    sharp = {name: replace(known, sd=1e-9) for name, known in pool.items()}
    less, more = (replace(told, risk=one) for one in (risk.less, risk.more))
    before, after = sharp[first(sharp, less)], sharp[first(sharp, more)]
    assert after.quality >= before.quality
    assert may_go_first(pool, routing_of(pool, criteria=more)) <= may_go_first(pool, routing_of(pool, criteria=less))


@given(pools, criteria, two(dollars))
def test_a_dearer_second_never_moves_to_a_slower_target(pool: Mapping[str, Known], told: Criteria, delay: Two) -> None:
    before, after = (pool[first(pool, replace(told, delay_nano_usd_per_s=one))] for one in (delay.less, delay.more))
    assert (after.s or 0) <= (before.s or 0)


@given(pools, criteria)
def test_bulk_never_moves_to_a_quicker_target_on_account_of_delay(pool: Mapping[str, Known], told: Criteria) -> None:
    before, after = (pool[first(pool, replace(told, bulk=one))] for one in (False, True))
    assert (after.s or 0) >= (before.s or 0)


@given(pools, criteria, hundredths(0, 5000))
def test_bulk_never_moves_away_from_own_hardware(pool: Mapping[str, Known], told: Criteria, hourly_usd: float) -> None:
    owned = {**pool, "a": replace(pool["a"], usd=None, hourly_usd=hourly_usd)}
    told = replace(told, delay_nano_usd_per_s=0)
    if first(owned, told) == "a":
        assert first(owned, replace(told, bulk=True)) == "a"


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(pools, criteria, two(hundredths(0, 100)))
def test_a_higher_floor_lets_fewer_in(pool: Mapping[str, Known], told: Criteria, floor: Two) -> None:
    low, high = (within_bounds(pool, replace(told, quality_floor=one)) for one in (floor.less, floor.more))
    assert high <= low


@given(pools, criteria, two(hundredths(0, 100)))
def test_more_confidence_lets_fewer_in(pool: Mapping[str, Known], told: Criteria, confidence: Two) -> None:
    low, high = (within_bounds(pool, replace(told, confidence=one)) for one in (confidence.less, confidence.more))
    assert high <= low


@given(pools, criteria, two(hundredths(1, 900)))
def test_less_time_lets_fewer_in(pool: Mapping[str, Known], told: Criteria, within: Two) -> None:
    short, long = (within_bounds(pool, replace(told, within_s=one)) for one in (within.less, within.more))
    assert short <= long <= within_bounds(pool, replace(told, within_s=None))


@given(pools, criteria, two(dollars))
def test_less_money_lets_fewer_in(pool: Mapping[str, Known], told: Criteria, ceiling: Two) -> None:
    little, much = (within_bounds(pool, replace(told, cost_nano_usd=one)) for one in (ceiling.less, ceiling.more))
    assert little <= much <= within_bounds(pool, replace(told, cost_nano_usd=None))


@given(pools, criteria)
def test_who_breaks_a_bound_goes_first_only_if_nobody_who_may_go_first_keeps_to_all(pool: Mapping[str, Known], told: Criteria) -> None:
    choice = choose(pool, told)
    inside = within_bounds(pool, told) & may_go_first(pool, routing_of(pool, criteria=told))
    assert (choice.rungs[0].target.name in inside) == bool(inside)
    assert choice.rungs[0].reason.startswith("relaxed:") == (not inside)


@given(st.integers(0, 40_000), st.integers(0, 40_000), st.lists(st.one_of(st.none(), st.integers(1, 10_000)), min_size=1, max_size=4))
def test_a_longer_prompt_never_makes_a_target_eligible(one: int, other: int, contexts: list[int | None]) -> None:
    ladder = [a_target(name, bit=bit, context_tokens=tokens) for bit, (name, tokens) in enumerate(zip(NAMES, contexts, strict=False), start=2)]
    capability = a_routed(ladder, criteria=Criteria(cost_nano_usd=6 * USD))

    def eligible(call: Call) -> set[str]:
        choice = a_chooser(None).choose(call, capability, verdict=ALL)
        return {seen.target for seen in choice.weighed if seen.reason not in BOUNDS}

    short, long = sorted((one, other))
    assert eligible(a_call(size_chars=long)) <= eligible(a_call(size_chars=short))


# ── the guard ───────────────────────────────────────────────────────────────────────────────────────────────────────


@given(pools, two(hundredths(0, 49)))
def test_a_larger_loss_lets_more_go_first(pool: Mapping[str, Known], loss: Two) -> None:
    little, much = (may_go_first(pool, routing_of(pool, loss=one)) for one in (loss.less, loss.more))
    assert little <= much


@given(pools, two(hundredths(0, 100)))
def test_more_certainty_lets_fewer_go_first(pool: Mapping[str, Known], sure: Two) -> None:
    unsure, certain = (may_go_first(pool, routing_of(pool, sure=one)) for one in (sure.less, sure.more))
    assert certain <= unsure


@given(pools, criteria)
def test_a_target_goes_before_the_incumbent_only_past_the_guard(pool: Mapping[str, Known], told: Criteria) -> None:
    assert first(pool, told) in may_go_first(pool, routing_of(pool, criteria=told))


# ── data and task ───────────────────────────────────────────────────────────────────────────────────────────────────


@given(pools, criteria, st.integers(0, 15))
def test_data_closes_targets_and_weighs_nothing(pool: Mapping[str, Known], told: Criteria, closed: int) -> None:
    open_to_all = choose(pool, told)
    stricter = choose(pool, told, verdict=Verdict(label=a_label("restricted"), mask=~(closed << 2), snapshot="s"))
    seen_before = {one.target: replace(one, probability=0.0, reason="") for one in open_to_all.weighed}
    assert all(replace(one, probability=0.0, reason="") == seen_before[one.target] for one in stricter.weighed)
    left = [rung.target.name for rung in stricter.rungs]
    chosen, incumbent = open_to_all.rungs[0].target.name, ladder_of(pool)[-1].name
    if chosen in left and incumbent in left:
        assert left == [rung.target.name for rung in open_to_all.rungs if rung.target.name in left]


def test_labels_of_the_same_task_move_the_first_guess() -> None:
    def outcomes(target: str, task: str, good: int) -> list[Label]:
        prompt = Prompt(capability=f"other-{task}", task=task)
        return [Label(prompt=prompt, target=target, score=float(index < good)) for index in range(200)]

    labels = [*outcomes("a", "classify", 198), *outcomes("b", "classify", 190), *outcomes("a", "write", 40), *outcomes("b", "write", 190)]
    predictor = Predictor(Parameters(cells=counted((), labels)))
    chooser = Chooser(misfits=lambda call, target: (), health={}.get, by_value=ByValue(learned=Learned(predictor, digest="d")))
    ladder = ladder_of({"a": Known(usd=0.01), "b": Known(usd=0.02)})
    guessed = {}
    for task in ("classify", "write"):
        choice = chooser.choose(a_call(), a_routed(ladder, criteria=Criteria(task=task)), verdict=ALL)
        guessed[task] = {one.target: one.quality for one in choice.weighed}
    assert guessed["classify"]["a"] > guessed["write"]["a"]
    assert guessed["classify"]["a"] > guessed["classify"]["b"]
    assert guessed["write"]["a"] < guessed["write"]["b"]
