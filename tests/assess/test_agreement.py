"""Whether answers say the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.assess.agreement import agreement, consistency, is_value


def test_two_answers_with_the_same_last_figure_mostly_agree() -> None:
    one = "She sells 9 eggs for 2 dollars each, so she makes 18 dollars."
    assert agreement(one, "16 - 3 - 4 leaves nine eggs; at 2 dollars a piece that is 18") > 0.7
    assert agreement(one, one.replace("18 dollars", "26 dollars")) < 0.3


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("Billing.", "billing", 1.0, 1.0),
        ("billing", "support", 0.0, 0.0),
        ('{"team": "Billing", "urgent": true}', '{ "urgent":true, "team":"billing" }', 1.0, 1.0),
        ('{"team": "billing", "urgent": true}', '{"team": "billing", "urgent": false}', 0.5, 0.5),
        ('[{"a": 1}, {"a": 2}]', '[{"a": 2}, {"a": 1}]', 1.0, 1.0),
        ('{"a": 1}', '{"b": 1}', 0.0, 0.0),
        ("{}", "{ }", 1.0, 1.0),
        ("{}", "[]", 0.0, 0.0),
        ('{"a": broken', '{"a": broken', 1.0, 1.0),
        ("The parcel is late because of snow on the roads", "Snow on the roads made the parcel late", 0.6, 0.95),
        ("", "", 1.0, 1.0),
        ("一二三", "一二四", 0.5, 0.7),
    ],
)
def test_answers_agree_by_what_they_say_and_not_by_how(one: str, other: str, least: float, most: float) -> None:
    assert least <= agreement(one, other) <= most


@settings(max_examples=50)
@given(one=st.text(max_size=60), other=st.text(max_size=60))
def test_agreement_is_mutual_whole_with_itself_and_a_share(one: str, other: str) -> None:
    assert agreement(one, one) == 1.0
    assert agreement(one, other) == agreement(other, one)
    assert 0.0 <= agreement(one, other) <= 1.0


def test_an_answer_is_consistent_as_far_as_the_others_say_it_too() -> None:
    assert consistency("42", ["42", "41"]) == 0.5
    assert consistency('{"a": 1, "b": 1}', ['{"a": 1, "b": 2}'], on=("a",)) == 1.0


ORDER = '{"queue": "billing", "note": "%s", "items": [{"sku": "%s", "count": 1}], "queue_before": "%s"}'


@pytest.mark.parametrize(
    ("on", "same", "differs"),
    [
        (("queue",), ("one", "A", "x"), None),
        (("queue", "items[].sku"), ("one", "A", "x"), ("two", "B", "x")),
        (("items",), ("one", "A", "x"), ("two", "B", "x")),
        (("note",), ("two", "A", "x"), ("one", "A", "x")),
    ],
)
def test_documents_agree_by_the_fields_that_count(on: tuple[str, ...], same: tuple[str, ...], differs: tuple[str, ...] | None) -> None:
    here = ORDER % ("two", "A", "y")
    assert agreement(here, ORDER % same, on=on) == 1.0
    assert differs is None or agreement(here, ORDER % differs, on=on) < 1.0


def test_documents_that_lack_what_counts_do_not_agree() -> None:
    assert agreement('{"note": "a"}', '{"note": "a"}', on=("queue",)) == 0.0
    assert agreement("billing", "Billing", on=("queue",)) == 1.0  # no documents


@pytest.mark.parametrize(("text", "expected"), [("refund", True), ('{"a": 1}', True), ("[]", True), ("", False), ("{not json", False), ("word " * 13, False)])
def test_what_is_one_value_or_a_document_can_be_compared(text: str, expected: bool) -> None:
    assert is_value(text) is expected
