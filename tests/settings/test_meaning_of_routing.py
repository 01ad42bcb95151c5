"""What `routing` means, and what it can get wrong: every mistake with its line and a remedy."""

import json
from pathlib import Path

import pytest
from tests.settings.files import settings_of, told_by

from pointsman.core.label import Level
from pointsman.core.routing import Criteria, Routing, Trial

LADDER = "capabilities:\n  support:\n    ladder: [openai/small, openai/mid, openai/large]\n    routing: "


DESK = "targets:\n  desk: {vendor: crew, model: crew, people: {item_usd: 2, delay_s: 60, says: Soon.}}\nvendors:\n  crew: {kind: people}\n"


def routing_of(folder: Path, told: str) -> Routing:
    routing = settings_of(folder, LADDER + told).snapshot.capabilities["support"].routing
    assert routing is not None
    return routing


def test_a_choice_by_value_is_told_in_dollars_and_words_and_kept_in_numbers(tmp_path: Path) -> None:
    told = """
      incumbent: openai/large
      criteria: {task: answer, risk: high, value_usd: 0.4, error_usd: 2, delay_usd_per_s: 0.002, quality_floor: 0.7, within_s: 20, cost_usd: 0.05, volume: bulk}
      requests_may_set: {risk: [low, critical], volume: [interactive, bulk], within_s: [2, 60]}
      not_worse_by: 0.01
      sure: 0.95
      check: [openai/small]
      second: openai/tiny
      shadow: {share: 0.05, usd_per_day: 3, data_class: confidential}
    """
    routing = routing_of(tmp_path, told)
    assert routing.criteria == Criteria(
        task="answer",
        risk=4.0,
        value_nano_usd=400_000_000,
        error_nano_usd=2_000_000_000,
        delay_nano_usd_per_s=2_000_000,
        quality_floor=0.7,
        within_s=20.0,
        cost_nano_usd=50_000_000,
        bulk=True,
    )
    assert (routing.incumbent.name, routing.loss, routing.sure, routing.checked) == ("openai/large", 0.01, 0.95, {"openai/small"})
    assert routing.settable == {"risk": (0.5, 16.0), "volume": (0.0, 1.0), "within_s": (2.0, 60.0)}
    assert routing.second is not None
    assert routing.second.name == "openai/tiny"
    assert (routing.shadow, routing.explore) == (Trial(share=0.05, daily_nano_usd=3_000_000_000, ceiling=Level.CONFIDENTIAL), None)


def test_the_first_of_the_ladder_answers_until_something_better_is_proven(tmp_path: Path) -> None:
    routing = routing_of(tmp_path, "{}")
    assert (routing.incumbent.name, routing.criteria) == ("openai/small", Criteria())


def test_by_order_is_the_same_as_without_a_word(tmp_path: Path) -> None:
    assert settings_of(tmp_path, LADDER + "{by: order}").snapshot.capabilities["support"].routing is None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("{incumbent: openai/lage}", "routing.incumbent: `openai/lage` is not in the ladder of `support`. Did you mean `openai/large`?"),
        ("{incumbent: elsewhere}", "routing.incumbent: `elsewhere` is not in the ladder of `support`. Known: `openai/large`, `openai/mid`, `openai/small`."),
        ("{check: [openai/smal]}", "routing.check[0]: `openai/smal` is not in the ladder of `support`. Did you mean `openai/small`?"),
        ("{check: [openai/small], second: nowhere}", "routing.second: there is no target `nowhere`."),
        ("{second: openai/mid}", "routing.second: nothing is checked, so nobody asks a second one."),
        ("{samples: 2}", "routing.samples: nothing is checked, so nobody asks again."),
        ("{check: [openai/small], judge: nowhere}", "routing.judge: there is no target `nowhere`."),
        ("{judge: openai/mid}", "routing.judge: there is nothing to grade: no answer is checked, and nobody is asked too."),
        ("{check: [openai/small], logprobs: [openai/mid]}", "routing.logprobs[0]: the answers of `openai/mid` are not checked."),
        ("{check: [openai/small], agree_on: [queue]}", "routing.agree_on: no two answers are compared."),
        ("{guarantee: true, explore: {share: 0.1}}", "routing.explore: a trial would leave the incumbent without a certificate."),
        ("{criteria: {confidence: 0.9}}", "routing.criteria.confidence: there is no floor to be confident of."),
        ("{requests_may_set: {value_usd: [5, 1]}}", "routing.requests_may_set.value_usd: the least is more than the most"),
        ("{requests_may_set: {risk: [critical, low]}}", "routing.requests_may_set.risk: the least is more than the most"),
        ("{requests_may_set: {value_usd: [1]}}", "routing.requests_may_set.value_usd: this must be two values."),
        ("{requests_may_set: {value_usd: [0, much]}}", "routing.requests_may_set.value_usd[1]: `much` is no number. Write what `criteria.value_usd` could be."),
        ("{requests_may_set: {risk: [low, grave]}}", "routing.requests_may_set.risk[1]: `grave` cannot be set"),
        ("{requests_may_set: {volume: [interactive, 2]}}", "routing.requests_may_set.volume[1]: `2.0` cannot be set"),
        ("{requests_may_set: {quality_floor: [0, 1.5]}}", "routing.requests_may_set.quality_floor[1]: `1.5` cannot be set"),
    ],
)
def test_a_mistake_about_routing_is_told_with_its_line_and_a_remedy(tmp_path: Path, told: str, expected: str) -> None:
    [mistake] = told_by(tmp_path, LADDER + told)
    assert mistake.startswith(f"pointsman.yaml:4 capabilities.support.{expected}")


def test_an_answer_that_is_doubted_must_have_somewhere_to_go(tmp_path: Path) -> None:
    [mistake] = told_by(tmp_path, "capabilities:\n  support:\n    ladder: [openai/small]\n    routing: {check: [openai/small]}")
    assert "a doubtful answer could go nowhere: the ladder has one target." in mistake


def test_a_second_target_needs_no_place_in_the_ladder(tmp_path: Path) -> None:
    assert routing_of(tmp_path, "{check: [openai/small], second: openai/other}").second is not None


@pytest.mark.parametrize("field", ["second", "judge"])
def test_people_are_not_asked_beside_an_answer(tmp_path: Path, field: str) -> None:
    [mistake] = told_by(tmp_path, f"{LADDER}{{check: [openai/small], {field}: desk}}\n{DESK}")
    assert mistake.startswith(f"pointsman.yaml:4 capabilities.support.routing.{field}: `desk` are people, who are not asked beside an answer.")


def test_what_speaks_for_an_answer_is_what_its_owner_names(tmp_path: Path) -> None:
    routing = routing_of(tmp_path, "{check: [openai/small], samples: 2, agree_on: [queue, 'items[].sku'], judge: openai/other, logprobs: [openai/small]}")
    assert routing.judge is not None
    assert (routing.samples, routing.agree_on, routing.judge.name, routing.logprobs) == (2, ("queue", "items[].sku"), "openai/other", {"openai/small"})


@pytest.mark.parametrize("told", ["judge: openai/other, shadow: {share: 0.1}", "agree_on: [queue], shadow: {share: 0.1}"])
def test_shadow_calls_are_compared_and_graded_too(tmp_path: Path, told: str) -> None:
    assert routing_of(tmp_path, f"{{{told}}}").shadow is not None


def test_the_parameters_in_force_are_a_part_of_the_snapshot(tmp_path: Path) -> None:
    before = settings_of(tmp_path, LADDER + "{}").snapshot
    (tmp_path / "learned.json").write_text(json.dumps({"parameters": "ab" * 16}), encoding="utf-8")
    after = settings_of(tmp_path, LADDER + "{}").snapshot
    assert (before.learned, after.learned) == ("", "ab" * 16)
    assert before.digest != after.digest


@pytest.mark.parametrize("written", ["[]", "{}", "no JSON", '{"parameters": 3}'])
def test_a_pointer_that_names_nothing_is_a_mistake_with_a_way_back(tmp_path: Path, written: str) -> None:
    (tmp_path / "learned.json").write_text(written, encoding="utf-8")
    [mistake] = told_by(tmp_path, LADDER + "{}")
    assert mistake.startswith("learned.json:0 : it cannot be read (")
    assert "`pointsman rollback`" in mistake
