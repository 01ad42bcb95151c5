"""Identifiers that sort by time."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.ids import span_id, trace_id, traceparent, uuid7
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


# ── traces and spans ────────────────────────────────────────────────────────────────────────────────────────────────

CALL = "01890000-0000-7000-8000-000000000001"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_call_joins_its_callers_trace() -> None:
    assert trace_id(CALL, CALLER) == "0af7651916cd43dd8448eb211c80319c"
    assert trace_id(CALL, CALLER + "-more-of-a-later-version") == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    "told",
    [
        None,
        "",
        "nonsense",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",  # no flags
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",  # too short
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",  # capitals are not allowed
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",  # of nothing
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",  # a version that is none
    ],
)
def test_without_a_valid_one_a_call_is_its_own_trace(told: str | None) -> None:
    assert trace_id(CALL, told) == "01890000000070008000000000000001"


def test_what_is_told_to_others_names_the_part_that_asks() -> None:
    assert traceparent(CALL, CALLER, seq=0) == f"00-0af7651916cd43dd8448eb211c80319c-{span_id(CALL, 0)}-01"
    assert traceparent(CALL, None, seq=3) == f"00-01890000000070008000000000000001-{span_id(CALL, 3)}-00"
    assert traceparent(CALL, CALLER[:-2] + "00", seq=0).endswith("-00")


@given(times, st.integers(0, 2**74 - 1))
def test_the_parts_of_a_call_never_share_a_span(now_ms: int, chance: int) -> None:
    call_id = uuid7(now_ms=now_ms, random_bits=chance)
    spans = [span_id(call_id, seq) for seq in range(-2, 40)]
    assert len(set(spans)) == len(spans)
    assert all(re.fullmatch(r"[0-9a-f]{16}", span) and span != "0" * 16 for span in spans)


def test_no_span_is_the_one_that_means_none() -> None:
    assert span_id("00000000-0000-0000-0000-000000000000", -2) == "0000000000000001"


@given(st.text(max_size=80))
def test_whatever_a_caller_sends_a_valid_one_is_passed_on(told: str) -> None:
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", traceparent(CALL, told, seq=0))
