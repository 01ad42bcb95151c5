"""
Identifiers that go across texts.
"""

import pytest

from pointsman.governance.detection.identifiers.structured import StructuredDetector
from pointsman.governance.detection.neighbours import across
from pointsman.governance.detection.overlaps import settled

DETECTOR = StructuredDetector()


def parts(*texts: str) -> list[tuple[int, str, str]]:
    found = [settled(DETECTOR.find(text), text) for text in texts]
    return [
        (part.number, part.finding.kind, texts[part.number][part.finding.start : part.finding.end]) for part in across(texts, found, find=DETECTOR.find) if part
    ]


@pytest.mark.parametrize(
    ("first", "second", "kind", "left", "right"),
    [
        ("my card is 41111111", "11111111 ok?", "card", "41111111", "11111111"),
        ("my card is 41111111 ", "\n11111111 ok?", "card", "41111111", "11111111"),
        ("my card is 4111 1111 ", "1111 1111 ok?", "card", "4111 1111", "1111 1111"),
        ("DE89370400", "440532013000", "iban", "DE89370400", "440532013000"),
        ("write to john.doe@exam", "ple.com please", "email", "john.doe@exam", "ple.com"),
        ("write to john.doe", "@example.com please", "email", "john.doe", "@example.com"),
        ("ssn 460-8", "9-9847", "ssn", "460-8", "9-9847"),
    ],
)
def test_an_identifier_across_two_texts_is_found_in_both(first: str, second: str, kind: str, left: str, right: str) -> None:
    assert parts(first, second) == [(0, kind, left), (1, kind, right)]


def test_the_names_of_fields_and_one_text_between_do_not_part_it() -> None:
    assert parts("41111111", "role", "content", "11111111") == [(0, "card", "41111111"), (3, "card", "11111111")]
    assert parts("41111111", "Go on, please.", "11111111") == [(0, "card", "41111111"), (2, "card", "11111111")]


def test_an_identifier_in_many_pieces_is_found_in_all() -> None:
    assert parts("4111", "1111", "1111", "1111") == [(0, "card", "4111"), (1, "card", "1111"), (2, "card", "1111"), (3, "card", "1111")]


@pytest.mark.parametrize(
    "texts",
    [
        ("john@example.com", "Hello.world is out"),
        ("41111111", "11111112"),
        ("call 555", "1234567"),
        ("4111111111111111", "5500005555555559"),
        ("41111111", "Thanks a lot, that is all I wanted to know.", "Really!", "11111111"),
        ("4111", "1111", "It is " + "very " * 20, "11111111"),
        ("4111", "1111", "1111" + " much" * 20, "1111"),
        ("It ends.", "It begins."),
        ("", ""),
        ("4111111111111111",),
        (),
    ],
)
def test_two_texts_that_only_stand_together_make_nothing_up(texts: tuple[str, ...]) -> None:
    assert parts(*texts) == []


def test_the_rest_of_a_mail_address_that_is_one_itself_does_not_hide_the_beginning() -> None:
    assert parts("write to maria.smith1", "6@example.net") == [(0, "email", "maria.smith1"), (1, "email", "6@example.net")]
    assert parts("Here is my address", "joe@example.net") == []


def test_a_weaker_finding_in_one_part_does_not_hide_what_both_are_together() -> None:
    # The second half alone passes the check of a Norwegian number.
    assert parts("DE114367705", "24046867082") == [(0, "iban", "DE114367705"), (1, "iban", "24046867082")]
