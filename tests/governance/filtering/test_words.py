"""
What is recorded about a field names it only by words of the protocols.
"""

from hypothesis import given
from hypothesis import strategies as st

from pointsman.governance.filtering.words import WORDS, recordable


def test_a_field_that_only_one_protocol_knows_is_named_and_one_that_the_caller_made_up_is_not() -> None:
    told = recordable(
        (
            ("a", "policy:internal+personal"),
            ("b", "cannot_express:logit_bias,messages[3].content[1].type,header anthropic-beta"),
            ("c", "cannot_express:metadata.anna@example.com,card 4111 1111 1111 1111,x.name"),
        )
    )
    assert told == (
        ("a", "policy:internal+personal"),
        ("b", "cannot_express:logit_bias,messages[…].content[…].type,header anthropic-beta"),
        ("c", "cannot_express:metadata.….…,…,….name"),
    )


@given(st.text(min_size=1))
def test_nothing_of_a_made_up_name_is_recorded(name: str) -> None:
    ((_, told),) = recordable([("a", f"cannot_express:{name}")])
    left = told.removeprefix("cannot_express:")
    for sign in ".,[]…":
        left = left.replace(sign, " ")
    assert all(word in WORDS for word in left.split())
