"""
Cards and bank accounts.
"""

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iban as register
from tests.governance.detection import disguises

from pointsman.governance.detection.identifiers.payment import is_card, is_iban, passes_luhn
from pointsman.governance.detection.identifiers.structured import StructuredDetector

DETECTOR = StructuredDetector()


def found(text: str, *kinds: str) -> list[str]:
    return [text[one.start : one.end] for one in DETECTOR.find(text) if one.kind in kinds]


@pytest.mark.parametrize(
    "written",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "3782 822463 10005",
        "3056 930902 5904",
        "411111 1111111111",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    ],
)
def test_a_card_is_found_in_the_groupings_of_print(written: str) -> None:
    assert found(f"Charge my card {written}, please", "card") == [written]


def test_a_card_is_found_without_any_word_beside_it() -> None:
    assert found("4111111111111111", "card") == ["4111111111111111"]


def test_what_follows_a_card_is_not_part_of_it() -> None:
    assert found("4111 1111 1111 1111 12/27 123", "card") == ["4111 1111 1111 1111"]


def test_two_cards_beside_each_other_are_two() -> None:
    assert found("4111111111111111,5500005555555559", "card") == ["4111111111111111", "5500005555555559"]
    assert found("4111 1111 1111 1111 5500 0055 5555 5559", "card") == ["4111 1111 1111 1111", "5500 0055 5555 5559"]


def test_a_wrong_check_digit_is_no_card() -> None:
    assert found("my card is 4111111111111112", "card") == []


@pytest.mark.parametrize(
    "text",
    [
        "0.4111111111111111",
        "4111111111111111.25 seconds",
        "id-a4111111111111111",
        "4111111111111111x",
        "4111111111111111111111111111",
        "0000000000000000",
        "card 0000000000000000",
        "49 52 50 45 50 48 45 50",
        "1234567812345678",
    ],
)
def test_other_numbers_are_no_cards(text: str) -> None:
    assert found(text, "card") == []


def test_a_length_that_barcodes_have_too_needs_a_word_beside_it() -> None:
    assert found("4222222222222", "card") == []
    assert found("cc 4222222222222", "card") == ["4222222222222"]


def test_a_word_beside_it_is_as_good_as_a_known_issuer() -> None:
    assert found("9999999999999995", "card") == []
    assert found("my credit card 9999999999999995", "card") == ["9999999999999995"]


def test_a_card_is_found_behind_a_line_break_in_json_in_json() -> None:
    assert found('{"arguments":"{\\"note\\":\\"x\\\\n4111111111111111\\"}"}', "card") == ["4111111111111111"]


@given(st.integers(0, 10**6))
@settings(max_examples=30)
def test_every_card_passes_the_checksum_and_no_neighbour_of_it_does(seed: int) -> None:
    card = disguises.a_card(random.Random(seed))
    assert is_card(card)
    assert not any(passes_luhn(card[:-1] + digit) for digit in "0123456789" if digit != card[-1])


def test_luhn_is_the_published_example() -> None:
    assert passes_luhn("17893729974")


@pytest.mark.parametrize(
    "written",
    [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "gb29 nwbk 6016 1331 9268 19",
        "GB29-NWBK-6016-1331-9268-19",
        "FR1420041010050500013M02606",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
    ],
)
def test_an_iban_is_found_whole_or_in_groups(written: str) -> None:
    assert found(f"Pay to {written}.", "iban") == [written]


@pytest.mark.parametrize(
    "text",
    [
        "DE88370400440532013000",
        "DE8937040044053201300",
        "XX89370400440532013000",
        "aDE89370400440532013000",
        "DE89370400440532013000x",
        "DE89 37",
        "DE89 37  040044053201300",
        "DE8A370400440532013000",
        "DE89370400440532013",
        "4111  1111  1111  1112",
        "DE89,37040044 0532013000",
    ],
)
def test_what_fails_the_check_the_length_or_the_country_is_no_iban(text: str) -> None:
    assert found(text, "iban") == []


def test_an_iban_is_found_right_behind_what_only_looks_like_one() -> None:
    assert found("DE11 DE89 3704 0044 0532 0130 00", "iban") == ["DE89 3704 0044 0532 0130 00"]


def test_the_remainder_alone_makes_no_iban_where_the_country_writes_letters() -> None:
    # Right modulo 97, but a British bank has four letters.
    body = "123456789012345678"
    check = 98 - int(body + "161100") % 97
    assert not is_iban(f"GB{check:02d}{body}")


@given(st.integers(0, 10**6), st.integers(4, 21), st.sampled_from("0123456789ABCDEF"))
@settings(max_examples=60)
def test_the_register_of_others_agrees_on_what_is_an_iban(seed: int, at: int, letter: str) -> None:
    iban = disguises.an_iban(random.Random(seed))
    changed = iban[:at] + letter + iban[at + 1 :]
    assert is_iban(changed) == register.is_valid(changed, check_country=False)


def test_every_country_of_the_register_is_known_with_its_length() -> None:
    for country, properties in _register():
        length = 4 + sum(int(size) for size in re.findall(r"([0-9]+)!?[anc]", properties))
        letters = "A" if properties.startswith("4!a") else "1"
        account = letters * 4 + "1" * (length - 8)
        number = int("".join(str(int(sign, 36)) for sign in account + country + "00"))
        assert is_iban(f"{country}{98 - number % 97:02d}{account}"), country


def _register() -> list[tuple[str, str]]:
    lines = Path(register.__file__).with_suffix(".dat").read_text(encoding="utf-8").splitlines()
    return [(match[1], match[2]) for line in lines if (match := re.match(r'([A-Z]{2}) .*bban="([^"]*)"', line))]


@given(st.integers(0, 10**6))
@settings(max_examples=30)
def test_every_iban_with_two_digits_changed_about_is_none(seed: int) -> None:
    iban = disguises.an_iban(random.Random(seed))
    assert is_iban(iban)
    swapped = iban[:-2] + iban[-1] + iban[-2]
    assert swapped == iban or not is_iban(swapped)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("account number: 12345678", "12345678"),
        ("Bank account no. is 1234 5678 90", "1234 5678 90"),
        ("routing number 021000021", "021000021"),
        ("sort code 12-34-56", "12-34-56"),
        ("Kontonummer: 0532013000", "0532013000"),
    ],
)
def test_an_account_is_found_where_it_is_called_one(text: str, value: str) -> None:
    assert found(text, "bank_account") == [value]


def test_an_account_in_general_is_none() -> None:
    assert found("I made an account in 2023 and 12345678 people did", "bank_account") == []
    assert found("account number 12345678abc", "bank_account") == []


def test_a_bank_code_is_found_where_it_is_called_one() -> None:
    assert found("BIC: DEUTDEFF500", "swift") == ["DEUTDEFF500"]
    assert found("SWIFT code is CHASUS33", "swift") == ["CHASUS33"]
    assert found("swift language", "swift") == []
    assert found("SWIFT is COMPUTER", "swift") == []
    assert found("the code DEUTDEFF", "swift") == []
