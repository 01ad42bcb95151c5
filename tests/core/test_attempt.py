"""Permission to run one call at one target."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.values import a_call, a_capability, a_principal, a_target

from pointsman.core.attempt import Attempt
from pointsman.core.errors import NotPermitted
from pointsman.core.http import Deadlines
from pointsman.core.label import a_label
from pointsman.core.verdict import Verdict


def an_attempt(bit: int, mask: int) -> Attempt:
    verdict = Verdict(label=a_label("internal"), mask=mask, snapshot="s")
    return Attempt(call=a_call(), principal=a_principal(), capability=a_capability(), target=a_target(bit=bit), verdict=verdict, deadlines=Deadlines())


def test_a_target_that_the_verdict_closes_is_refused_by_name() -> None:
    with pytest.raises(NotPermitted, match="The key `web` may not use the target `acme/small`"):
        an_attempt(3, 0b0111)


def test_a_permission_cannot_be_rewritten_for_another_target() -> None:
    attempt = an_attempt(2, 0b0100)
    with pytest.raises(NotPermitted):
        replace(attempt, target=a_target(bit=3))
    with pytest.raises(AttributeError):
        attempt.target = a_target(bit=3)  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


@given(st.integers(0, 70), st.integers(0, 2**71 - 1))
def test_an_attempt_exists_only_where_the_verdict_has_a_bit(bit: int, mask: int) -> None:
    if mask >> bit & 1:
        assert an_attempt(bit, mask).target.bit == bit
    else:
        with pytest.raises(NotPermitted):
            an_attempt(bit, mask)


def test_an_attempt_knows_the_span_that_it_is() -> None:
    told = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert replace(an_attempt(2, 0b0100), span=told).span == told
    assert not an_attempt(2, 0b0100).span
