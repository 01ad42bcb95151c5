"""
Telephone numbers, numbers of states and documents, dates of birth and ages.
"""

import random
import string

import pytest

from pointsman.governance.detection.identifiers.structured import StructuredDetector

DETECTOR = StructuredDetector()


def found(text: str, *kinds: str) -> list[str]:
    return [text[one.start : one.end] for one in DETECTOR.find(text) if one.kind in kinds]


@pytest.mark.parametrize(
    "text",
    [
        "+46 (0)8 928 571 38",
        "+1-984-182-0190",
        "0049 30 1234567",
        "(978)645-9740",
        "(978) 645-9740 x11144",
        "905-674-3793",
        "416 555 0199",
        "089 72 63 41",
        "0490/754081",
    ],
)
def test_a_telephone_number_is_found_by_its_form(text: str) -> None:
    assert text in found(f"at {text}.", "phone")


@pytest.mark.parametrize("text", ["call me at 467 3395", "Tel: 60-56-85-91", "phone number is 9498777106", "9472 7916 office", "whatsapp (9472 7916)"])
def test_a_word_beside_it_makes_a_telephone_number(text: str) -> None:
    assert len(found(text, "phone")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "467 3395",
        "2025-03-30",
        "call on 02/24/2023",
        "call f(1.0000000001)",
        "called 100-2000 cells",
        "+999 12",
        "+1 2",
        "x905-674-3793",
        "905-674-3793-22",
        "905-674-37935",
        "12 905-674-3793",
        "call 518.67 642.54 1580",
        "0000 1",
        "005-32-5157",
        "call 12345678901234567890",
        "+0 12345678",
    ],
)
def test_dates_amounts_and_rows_of_numbers_are_no_telephone_numbers(text: str) -> None:
    assert found(text, "phone") == []


def test_a_social_security_number_is_found_by_its_dashes() -> None:
    assert found("460-89-9847, or 912-90-3456", "ssn") == ["460-89-9847", "912-90-3456"]


@pytest.mark.parametrize(
    "text",
    ["000-12-3456", "666-12-3456", "460-00-9847", "460-89-0000", "1-460-89-9847", "460-89-9847-1", "460-89 9847", "460 89 9847", "460899847", "x460-89-9847"],
)
def test_numbers_that_were_never_given_or_have_no_dashes_are_none(text: str) -> None:
    assert found(text, "ssn") == []


def test_the_word_beside_it_makes_a_social_security_number_of_nine_digits() -> None:
    assert found("SSN 460 89 9847", "ssn") == ["460 89 9847"]
    assert found("my social security number is 460899847. Not 123456789012", "ssn") == ["460899847"]
    assert found("the SSN is not written here, and much later comes some other count, namely that of 460899847", "ssn") == []


@pytest.mark.parametrize(
    "text",
    [
        "RSSMRA85T10A562S",
        "BOXW310820HNERXN09",
        "131052-308T",
        "11010519491231002X",
        "756.9217.0769.85",
        "7569217076985",
        "15108695088",
        "85.07.30-033.28",
        "2 95 10 99 126 111 93",
        "253072B07300470",
        "54362315-K",
    ],
)
def test_a_number_whose_own_check_is_strict_needs_no_word_beside_it(text: str) -> None:
    assert found(f"({text})", "national_id") == [text]


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("PESEL", "44051401359"),
        ("CNP", "1800101221144"),
        ("my CPF is", "390.533.447-05"),
        ("BSN:", "111222333"),
        ("NHS number", "943 476 5919"),
        ("Aadhaar", "2341 2341 2346"),
        ("National Insurance number", "QQ 12 34 56 C"),
        ("Steuer-ID", "36574261809"),
        ("SIN", "046 454 286"),
        ("PAN", "AAPPV8261K"),
    ],
)
def test_other_numbers_need_the_word(words: str, number: str) -> None:
    if number.startswith("QQ"):
        number = "AB 12 34 56 C"
    assert found(f"{words} {number}", "national_id") == [number]
    assert found(f"xx {number}", "national_id") == []


@pytest.mark.parametrize("text", ["x-7569217076985", "7569217076985-1", "7569217076985.5", "12 756.9217.0769.85", "id 123", "national id 12345678901"])
def test_a_part_of_something_longer_is_no_national_number(text: str) -> None:
    assert found(text, "national_id") == []


def test_random_numbers_are_hardly_ever_taken_for_a_national_number() -> None:
    chance = random.Random(3)
    texts = ["".join(chance.choice(string.digits) for _ in range(length)) for length in range(8, 19) for _ in range(300)]
    assert sum(bool(found(text, "national_id")) for text in texts) <= len(texts) / 400


def test_seconds_and_milliseconds_of_our_days_are_no_national_numbers() -> None:
    times = [str(1_600_000_000_000 + step * 86_400_123 // 2) for step in range(1500)]
    assert sum(bool(found(f"t={time} u={time[:10]}", "national_id", "card", "ssn", "phone")) for time in times) <= len(times) / 400


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("passport number X1234567", "passport", "X1234567"),
        ("Passport No: 12 345 678", "passport", "12 345 678"),
        ("my driver's license is F162-8235-4011 and", "licence", "F162-8235-4011"),
        ("driving licence lh329609t", "licence", "lh329609t"),
        ("MRN: 00123456", "medical_record", "00123456"),
        ("patient id 4711223", "medical_record", "4711223"),
        ("policy number P-1234567", "document", "P-1234567"),
        ("Personalausweis Nr. L01X00T471", "document", "L01X00T471"),
    ],
)
def test_a_document_is_found_by_its_name(text: str, kind: str, value: str) -> None:
    assert found(text, kind) == [value]


@pytest.mark.parametrize(
    "text", ["passport control in 1994", "the health plan in 1994 changed", "driver license 12", "license 2.0", "passport for 3 people and 4 dogs"]
)
def test_a_document_without_a_number_is_none(text: str) -> None:
    assert found(text, "passport", "licence", "medical_record", "document") == []


@pytest.mark.parametrize("date", ["12/03/1980", "1980-03-12", "12. März 1980", "March 12, 1980", "12th of March 1980", "3.4.80"])
def test_a_date_is_personal_where_it_is_of_a_birth(date: str) -> None:
    assert found(f"born on {date}", "birth_date") == [date]
    assert found(f"Date of birth: {date}", "birth_date") == [date]
    assert found(f"paid on {date}", "birth_date") == []


def test_an_age_is_found_where_the_words_leave_no_doubt() -> None:
    assert found("I am 45, she is a 60-year-old; aged 33; he turned 18; 51 y/o; 40 Jahre alt", "age") == ["60", "51", "40", "33", "18", "45"]
    assert found("I am 45 percent sure; 200 years old; 12 years later; it is 30", "age") == []


def test_every_finding_has_the_class_of_its_kind_and_the_name_of_the_detector() -> None:
    (finding,) = DETECTOR.find("4111111111111111")
    assert (finding.data_class, finding.detector) == ("financial", DETECTOR.name)
    (finding,) = DETECTOR.find("joe@example.com")
    assert finding.data_class == "personal"
