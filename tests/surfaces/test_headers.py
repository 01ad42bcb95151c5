"""
Headers that are part of the question.
"""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.values import a_call, a_target, a_vendor

from pointsman.core.errors import BadRequest
from pointsman.core.place import Dialect
from pointsman.providers.registry import BY_DIALECT as WIRES
from pointsman.server.request import read_name
from pointsman.surfaces.headers import heeding
from pointsman.surfaces.registry import BY_DIALECT, BY_PATH

MESSAGES = BY_PATH["/v1/messages"]
CALL = a_call(dialect=Dialect.ANTHROPIC_MESSAGES)
BETA = {"anthropic-beta": "context-1m-2025-08-07,files-api-2025-04-14", "x-other": "1"}


def test_a_beta_goes_to_the_vendor_that_knows_it_and_keeps_the_call_from_any_other() -> None:
    call = heeding(CALL, MESSAGES, headers=BETA)
    anthropic = a_target(dialect=Dialect.ANTHROPIC_MESSAGES, vendor=a_vendor(kind="anthropic_compatible"))
    sent = WIRES[Dialect.ANTHROPIC_MESSAGES].encode(call, anthropic).headers
    assert (sent["anthropic-beta"], sent["anthropic-version"]) == (BETA["anthropic-beta"], "2023-06-01")
    assert WIRES[Dialect.ANTHROPIC_MESSAGES].misfits(call, anthropic) == ()
    assert "header anthropic-beta" in WIRES[Dialect.OPENAI_CHAT].misfits(call, a_target())


def test_what_a_protocol_does_not_heed_changes_nothing() -> None:
    assert heeding(CALL, MESSAGES, headers={"x-other": "1"}) is CALL
    openai = a_call()
    assert heeding(openai, BY_DIALECT[Dialect.OPENAI_CHAT], headers=BETA) is openai


@given(st.text(min_size=1))
def test_no_value_can_break_out_of_its_line(value: str) -> None:
    with contextlib.suppress(BadRequest):
        call = heeding(CALL, MESSAGES, headers={"anthropic-beta": value})
        assert dict(call.headers) == {"anthropic-beta": value}
        assert value.isascii()
        assert value.isprintable()


@pytest.mark.parametrize("value", ["", "a\r\nx-api-key: b", "a\x00", "ü", "a" * 1001])
def test_a_value_that_could_not_be_sent_on_is_refused_by_its_name(value: str) -> None:
    with pytest.raises(BadRequest, match="`anthropic-beta`") as refused:
        heeding(CALL, MESSAGES, headers={"anthropic-beta": value})
    assert refused.value.field == "anthropic-beta"


@pytest.mark.parametrize("surface", BY_PATH.values(), ids=lambda surface: surface.dialect.value)
def test_every_header_that_is_heeded_is_kept_by_the_listener(surface: object) -> None:
    assert all(read_name(name.encode()) == name for name in surface.heeds)  # type: ignore[attr-defined]
