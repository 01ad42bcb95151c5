"""What two answers to one question say of the target that was asked too."""

import asyncio
import logging

import pytest
from msgspec.structs import replace
from tests.values import a_call

from pointsman.app.shadow_scores import Comparing, scores_of
from pointsman.app.shadows import Pair
from pointsman.core.errors import LedgerUnavailable
from pointsman.storage.batch import Batch


def a_pair(given: str, other: str, *, given_by: str = "big", other_by: str = "small") -> Pair:
    return Pair(
        call_id="c-1",
        capability="triage",
        workflow="support",
        unit="t-1",
        tenant="default",
        at_ms=1,
        question=a_call(),
        given=given_by,
        given_text=given,
        given_cost_nano_usd=10,
        other=other_by,
        other_text=other,
        other_cost_nano_usd=None,
        propensity=0.25,
        learned="",
    )


def test_the_same_value_is_full_agreement_with_the_incumbent() -> None:
    given, other = scores_of(a_pair('{"queue": "billing"}', '{ "queue": "Billing" }'), incumbent="big", at_ms=5)
    assert (given.target, given.value) == ("", 1.0)
    assert (other.target, other.value, other.selection_propensity, other.at_ms) == ("small", 1.0, 0.25, 5)
    assert given.judge == other.judge


def test_the_answer_that_was_given_is_held_against_the_incumbents() -> None:
    given, other = scores_of(a_pair("refund", "warranty", given_by="small", other_by="big"), incumbent="big", at_ms=5)
    assert (given.target, given.value) == ("", 0.0)
    assert (other.target, other.value) == ("big", 1.0)


@pytest.mark.parametrize("text", ["", "{not json", "Dear customer, " + "thank you for your patience, " * 5])
def test_texts_that_need_a_reader_are_not_compared(text: str) -> None:
    assert scores_of(a_pair("refund", text), incumbent="big", at_ms=5) == ()
    assert scores_of(a_pair(text, "refund"), incumbent="big", at_ms=5) == ()


def test_an_answer_that_fails_its_contract_agrees_with_none() -> None:
    given, other = scores_of(replace(a_pair("refund", ""), is_good_enough=False), incumbent="big", at_ms=5)
    assert [(one.target, one.value, one.metric) for one in (given, other)] == [("", 1.0, "agreement"), ("small", 0.0, "agreement")]


@pytest.mark.parametrize(("said", "incumbent"), [("refund", "small"), ("Dear customer, " * 9, "big")])
def test_nothing_is_compared_with_an_incumbents_answer_that_fails_its_contract_nor_texts_that_need_a_reader(said: str, incumbent: str) -> None:
    """Where those that pass are not compared, those that fail must not be: else they alone would count."""
    assert scores_of(replace(a_pair(said, ""), is_good_enough=False), incumbent=incumbent, at_ms=5) == ()


def test_what_a_judge_said_of_both_is_kept_as_its_score() -> None:
    pair = replace(a_pair("Dear customer, " * 9, "Dear Sir, " * 9), judge="openai/judge", grades=(0.9, 0.4))
    given, other = scores_of(pair, incumbent="big", at_ms=5)
    assert (given.target, given.value, given.metric, given.judge) == ("", 0.9, "grade", "openai/judge/grade@1")
    assert (other.target, other.value, other.metric, other.judge) == ("small", 0.4, "grade", "openai/judge/grade@1")
    assert given.score_id != other.score_id


def test_documents_are_compared_by_the_fields_that_count() -> None:
    pair = a_pair('{"queue": "a", "why": "x"}', '{"queue": "a", "why": "y"}')
    assert [one.value for one in scores_of(pair, incumbent="big", at_ms=5)] == [1.0, 0.5]
    assert [one.value for one in scores_of(replace(pair, agree_on=("queue",)), incumbent="big", at_ms=5)] == [1.0, 1.0]


def test_comparisons_are_kept_and_one_that_cannot_be_is_told(caplog: pytest.LogCaptureFixture) -> None:
    kept: list[Batch] = []

    async def record(batch: Batch) -> None:
        kept.append(batch)
        if len(kept) > 1:
            raise LedgerUnavailable("The disk is full. Free it.")

    async def both() -> None:
        comparing = Comparing(record, incumbent=lambda _: "big", now_ms=lambda: 7)
        comparing(a_pair("refund", "refund"))
        comparing(a_pair("refund", "{broken"))
        comparing(a_pair("refund", "warranty"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    with caplog.at_level(logging.WARNING, logger="pointsman"):
        asyncio.run(both())
    assert [[score.value for score in batch.scores] for batch in kept] == [[1.0, 1.0], [1.0, 0.0]]
    assert "a comparison was not kept" in caplog.text
