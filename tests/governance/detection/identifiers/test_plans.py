"""
The numbering plans of others.
"""

import pytest

from pointsman.governance.detection.identifiers.plans import guarded, plans


@pytest.mark.parametrize("error", [ValueError, KeyError, IndexError, TypeError, ZeroDivisionError])
def test_a_check_that_raises_says_no(error: type[Exception]) -> None:
    def check(number: str) -> bool:
        raise error(number)

    assert not guarded(check)("1")
    assert guarded(str.isdigit)("1")


def test_every_strict_check_is_also_among_those_that_a_word_asks_for() -> None:
    known = plans()
    assert all(set(checks) <= set(known.every[length]) for length, checks in known.strict.items())
    assert plans() is known


def test_a_telephone_number_has_a_length_of_its_country() -> None:
    assert plans().is_telephone("+4930123456")
    assert not plans().is_telephone("+49")
    assert not plans().is_telephone("+999123456789")
    assert not plans().is_telephone("no number")
