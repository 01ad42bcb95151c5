"""Identifiers that sort by time."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.ids import uuid7
from pointsman.ledger.content.sealing import timestamp_ms

times = st.integers(0, 2**48 - 1)
chances = st.integers(0, 2**80)


def test_the_example_of_the_specification_comes_out() -> None:
    # RFC 9562, appendix A.6: rand_a 0xCC3, rand_b 0b01 followed by 0x8C4DC0C0C07398F.
    assert uuid7(now_ms=0x017F22E279B0, random_bits=0xCC3 << 62 | 0x18C4DC0C0C07398F) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(times, chances)
def test_it_is_a_version_seven_uuid_that_tells_its_time(now_ms: int, chance: int) -> None:
    text = uuid7(now_ms=now_ms, random_bits=chance)
    assert (uuid.UUID(text).version, uuid.UUID(text).variant, str(uuid.UUID(text))) == (7, uuid.RFC_4122, text)
    assert timestamp_ms(text) == now_ms


@given(times, times, chances, chances)
def test_later_ones_sort_after_earlier_ones(one_ms: int, other_ms: int, one: int, other: int) -> None:
    if one_ms < other_ms:
        assert uuid7(now_ms=one_ms, random_bits=one) < uuid7(now_ms=other_ms, random_bits=other)


@given(times, st.integers(0, 2**74 - 1), st.integers(0, 2**74 - 1))
def test_all_of_the_chance_is_used(now_ms: int, one: int, other: int) -> None:
    assert (uuid7(now_ms=now_ms, random_bits=one) == uuid7(now_ms=now_ms, random_bits=other)) == (one == other)
