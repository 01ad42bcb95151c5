"""What the pages tell of choices by value: what was weighed, what would have changed it, what is known and promised, and since when."""

import pytest
from msgspec.structs import replace
from tests.console.house import House, csrf, in_a_house, text_of
from tests.console.taught import PROMISED, TRYING, calls, routed, teach


def test_an_empty_page_of_learning_shows_what_fills_it() -> None:
    async def work(house: House) -> None:
        shown = text_of(await (await house.signed_in()).get("/console/learning"))
        assert "Nothing is learned yet" in shown
        assert "routing: {by: value" in shown
        assert "pointsman learn --once" in shown

    in_a_house(work)


def test_before_anything_was_learned_the_incumbent_is_told_and_how_to_learn() -> None:
    async def work(house: House) -> None:
        shown = text_of(await (await house.signed_in()).get("/console/learning"))
        assert "the incumbent is acme/large" in shown
        assert "nothing was chosen by value in the last 7 days" in shown
        assert "Nothing is promised, so acme/large answers." in shown
        assert "No version yet" in shown

    in_a_house(work, capabilities=PROMISED)


def test_what_is_known_is_told_with_its_interval_the_share_of_calls_and_what_it_saved() -> None:
    async def work(house: House) -> None:
        teach(house)
        calls(house)
        shown = text_of(await (await house.signed_in()).get("/console/learning"))
        assert "acme/large incumbent" in shown
        assert "$0.69 saved in the last 7 days" in shown, "98 of 100 calls at $0.002 instead of $0.009"
        assert "76% of what acme/large was expected to cost" in shown
        assert "tries up to 2.0% of calls elsewhere, did 2.0% with a mean probability of 2.0%" in shown

    in_a_house(work, capabilities=TRYING)


def test_what_was_saved_is_counted_by_what_the_incumbents_own_answers_cost() -> None:
    async def work(house: House) -> None:
        teach(house)
        calls(house, every=4, cost=4_500_000)
        shown = text_of(await (await house.signed_in()).get("/console/learning"))
        # Half of what was expected: 75 calls at $0.002 instead of $0.0045, and 25 that the incumbent answered.
        assert "$0.19 saved in the last 7 days" in shown
        assert "42% of what acme/large was expected to cost" in shown

    in_a_house(work, capabilities=TRYING)


def test_versions_are_told_with_what_changed_and_how_to_go_back() -> None:
    async def work(house: House) -> None:
        before, after = teach(house)
        shown = text_of(await (await house.signed_in()).get("/console/learning"))
        assert f"{after[:8]} in force" in shown
        assert "`acme/small`" not in shown
        assert "acme/small on triage : 0.80 → 0.89." in shown
        assert before[:8] in shown
        assert shown.count("pointsman rollback --to") == 1
        assert "Quality as it was known" in shown

    in_a_house(work, capabilities=TRYING)


def test_a_certificate_is_told_with_its_sentences_and_whether_it_is_in_force() -> None:
    async def work(house: House) -> None:
        teach(house)
        shown = text_of(await (await house.signed_in()).get("/console/learning"))
        assert "What is promised in force" in shown
        assert "With probability at least 0.9 over the draw of its pairs" in shown

    in_a_house(work, capabilities=PROMISED)


def test_parameters_that_are_lost_are_told_with_the_remedy() -> None:
    async def work(house: House) -> None:
        _, after = teach(house)
        (house.gateway.settings.folder / "learned" / after).unlink()
        shown = text_of(await (await house.signed_in()).get("/console/learning"))
        assert f"The learned parameters {after} are not in" in shown
        assert "pointsman learn --anew" in shown

    in_a_house(work, capabilities=TRYING)


# ── one call ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_call_tells_what_was_weighed_and_what_would_have_changed_it() -> None:
    async def work(house: House) -> None:
        _, after = teach(house)
        *_, last = calls(house)
        page = await (await house.signed_in()).get(f"/console/calls/{last.call_id}")
        shown = text_of(page)
        assert f"predicted with parameters {after[:8]}" in shown
        assert "acme/small 89.0% 86.0% to 92.0% $0.002 400 ms -$0.002 98.0% chosen acme/large" in shown
        assert "acme/large would have been chosen if its quality were at least 0.96 (was 0.9 ± 0.03)." in shown
        assert "acme/large would have been chosen if not_worse_by were at most 0.043 (was 0.1)." in shown
        assert "Now it would go to acme/small first, with a probability of 99.0%." in shown
        assert page.text.count('class="interval"') == 2

    in_a_house(work, capabilities=TRYING)


def test_what_the_request_set_is_told_with_what_was_weighed() -> None:
    async def work(house: House) -> None:
        teach(house)
        last = calls(house)[-1]
        told = replace(last, call_id="01993e5a-3c00-7000-8000-000000000001", unit="hurried", criteria={"risk": 4.0, "within_s": 3.0})
        house.remember([told])
        shown = text_of(await (await house.signed_in()).get(f"/console/calls/{told.call_id}"))
        assert "The request set risk=high, within_s=3 : by that it was weighed." in shown
        assert "The request set" not in text_of(await (await house.signed_in()).get(f"/console/calls/{last.call_id}"))

    in_a_house(work, capabilities=TRYING)


def test_a_trial_is_told_as_one() -> None:
    async def work(house: House) -> None:
        teach(house)
        trial = calls(house)[50]
        shown = text_of(await (await house.signed_in()).get(f"/console/calls/{trial.call_id}"))
        assert "It was chosen as explore, with a probability of 2.0%." in shown
        assert "because it was tried, to learn more of it" in shown

    in_a_house(work, capabilities=TRYING)


# ── a call that might be ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("guarantee", "first", "why"),
    [
        (True, "acme/small", "acme/large would have been chosen if the quality of acme/small were at most"),
        (False, "acme/large", "acme/small would have been chosen if sure were at most"),
    ],
)
def test_explain_weighs_every_candidate_and_tells_the_nearest_change(guarantee: bool, first: str, why: str) -> None:
    async def work(house: House) -> None:
        teach(house)
        browser = await house.signed_in()
        form = {"csrf": csrf(await browser.get("/console/explain")), "capability": "triage", "text": "Where is my parcel?", "key": "web"}
        shown = text_of(await browser.post("/console/explain", data=form))
        assert f"It would be answered by {first}" in shown
        assert "88.8% 85.5% to 92.0%" in shown
        assert "90.0% 86.9% to 93.0%" in shown
        assert why in shown
        assert ("may be worse than the incumbent by more than is allowed" in shown) is not guarantee
        assert ("acme/small is expected to be worth more than acme/large , but may not go before acme/large : it is not" in shown) is not guarantee

    # Worth something, so that a certificate alone does not decide.
    criteria = {"value_usd": 0.005}
    in_a_house(work, capabilities=routed(guarantee=guarantee, criteria=criteria))


def test_explain_weighs_by_criteria_that_the_request_would_set_and_tells_those_that_it_may_not() -> None:
    async def work(house: House) -> None:
        teach(house)
        browser = await house.signed_in()
        form = {"csrf": csrf(await browser.get("/console/explain")), "capability": "triage", "text": "Where is my parcel?", "key": "web"}
        assert "It would be answered by acme/small" in text_of(await browser.post("/console/explain", data=form))
        strict = await browser.post("/console/explain", data={**form, "criteria": "quality_floor=0.89"})
        assert "It would be answered by acme/large" in text_of(strict)
        assert 'value="quality_floor=0.89"' in strict.text
        for told in ("quality_floor=1", "risk=high"):
            assert "It would be refused" in text_of(await browser.post("/console/explain", data={**form, "criteria": told}))
        wrong = await browser.post("/console/explain", data={**form, "criteria": "nonsense"})
        assert (wrong.status_code, "Where is my parcel?</textarea>" in wrong.text) == (400, True)

    in_a_house(work, capabilities=routed(guarantee=True, criteria={"value_usd": 0.005}, requests_may_set={"quality_floor": [0, 0.95]}))


def test_explain_of_the_owners_order_weighs_nothing() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        form = {"csrf": csrf(await browser.get("/console/explain")), "capability": "quiet", "text": "Where is my parcel?", "key": "web"}
        shown = text_of(await browser.post("/console/explain", data=form))
        assert "It would be answered by acme/small" in shown
        assert "What is weighed" not in shown

    in_a_house(work, capabilities=TRYING)
