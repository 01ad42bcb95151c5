"""
A secret cannot be shown, copied or stored by mistake, and opens for its own origin only.
"""

import copy
import json
import logging
import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.settings.secret_value import NotItsOrigin, Origin, Secret, local

HERE = Origin("https", "llm.example.com", 443)
TEXT = "sk-canary-0123456789"


def a_secret(text: str = TEXT) -> Secret:
    return Secret(text, origin=HERE)


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{:>60}".format,
        "{:.3}".format,
        "{!r}".format,
        lambda one: f"{one}",
        lambda one: "%s" % one,  # noqa: UP031 - one of the ways
        lambda one: str([one]),
        lambda one: str({"key": one}),
        lambda one: str(NotItsOrigin(one)),
        lambda one: logging.LogRecord("x", 10, "x", 1, "%s %r", (one, one), None).getMessage(),
    ],
)
def test_no_way_of_showing_a_secret_shows_it(show: Callable[[object], str]) -> None:
    shown = show(a_secret())
    assert "<secret>" in shown
    assert "canary" not in shown


@pytest.mark.parametrize(
    "store",
    [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins, vars, bytes, iter, len, hash],
)
def test_no_way_of_storing_a_secret_takes_it(store: Callable[[object], Any]) -> None:
    with pytest.raises(TypeError) as caught:
        store(a_secret())
    assert "canary" not in str(caught.value)


def test_a_secret_is_revealed_to_its_origin() -> None:
    assert a_secret().reveal_to(Origin("https", "llm.example.com", 443)) == TEXT


@pytest.mark.parametrize(
    "other", [HERE._replace(scheme="http"), HERE._replace(host="llm.example.com.evil.test"), HERE._replace(port=8443), local("content-keys")]
)
def test_a_secret_is_not_revealed_to_any_other_origin(other: Origin) -> None:
    with pytest.raises(NotItsOrigin, match=r"https://llm.example.com:443.*Give each origin") as caught:
        a_secret().reveal_to(other)
    assert "canary" not in str(caught.value)
    with pytest.raises(NotItsOrigin, match="cannot be bound"):
        a_secret().bound_to(other)


def test_a_secret_without_an_origin_is_revealed_to_nobody_until_it_is_bound() -> None:
    loose = Secret(TEXT)
    with pytest.raises(NotItsOrigin, match="bound to no origin"):
        loose.reveal_to(HERE)
    assert loose.bound_to(HERE).bound_to(HERE).reveal_to(HERE) == TEXT


def test_a_wiped_secret_is_gone() -> None:
    secret = a_secret()
    secret.wipe()
    with pytest.raises(NotItsOrigin, match="was wiped"):
        secret.reveal_to(HERE)


@given(one=st.text(max_size=20), other=st.text(max_size=20))
@settings(max_examples=50)
def test_two_secrets_are_equal_exactly_if_their_texts_are(one: str, other: str) -> None:
    assert (a_secret(one) == a_secret(other)) == (one == other)
    assert a_secret(one) != Secret(one)
    assert a_secret(one) != one
