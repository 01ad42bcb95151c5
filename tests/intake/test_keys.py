"""Keys: how they are made, and who it is that shows one."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.values import a_key

from pointsman.core.errors import NotAuthenticated
from pointsman.core.principal import Digest, Key, Principal, Scope
from pointsman.intake.identity import Identities, Register, Revoked
from pointsman.intake.keys import LOCAL, Door, mint

NOW = 1_700_000_000.0


def a_secret(seed: int = 1) -> str:
    return mint(bytes([seed]) * 32).secret


def known(secret: str, **more: Any) -> Key:
    return a_key(digests=(Digest(sha256=hashlib.sha256(secret.encode()).hexdigest()),), **more)


def show(door: Door, authorization: str | None = None, api_key: str | None = None, user: str | None = None) -> Principal:
    return door.identify(authorization, api_key, user=user, now_s=NOW)


def refusal(door: Door, authorization: str | None = None, api_key: str | None = None) -> str:
    with pytest.raises(NotAuthenticated) as refused:
        show(door, authorization, api_key)
    return refused.value.message


def test_a_new_key_opens_the_door_by_either_header_and_tells_whom_it_acts_for() -> None:
    secret = a_secret()
    key = known(secret)
    for headers in ((f"Bearer {secret}", None), (f"bearer  {secret} ", None), (None, secret), (f"Bearer {secret}", secret)):
        assert show(Door([key]), *headers, user="ann") == Principal(key=key, user="ann")


def test_only_the_digest_is_kept_and_the_secret_is_never_shown_by_accident() -> None:
    minted = mint(bytes(32))
    assert minted.sha256 == hashlib.sha256(minted.secret.encode()).hexdigest()
    assert minted.secret not in repr(minted)


def test_a_key_is_made_of_enough_chance() -> None:
    with pytest.raises(ValueError, match="32 random bytes, not 16"):
        mint(bytes(16))


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_every_key_has_one_length_and_other_chance_makes_another_key(one: bytes, other: bytes) -> None:
    first, second = mint(one), mint(other)
    assert len(first.secret) == len(second.secret) == 52
    assert (first.secret == second.secret) == (one == other)


def test_without_keys_whoever_comes_is_local() -> None:
    assert show(Door([])) == Principal(key=LOCAL)
    assert show(Door([]), "Bearer anything", user="ann") == Principal(key=LOCAL, user="ann")
    assert LOCAL.scopes == frozenset(Scope)


def test_a_key_without_a_secret_does_not_open_the_gateway_to_all() -> None:
    assert "No key came" in refusal(Door([a_key()]))


def test_no_key_or_an_empty_one_is_asked_for() -> None:
    door = Door([known(a_secret())])
    assert "No key came" in refusal(door)
    assert "No key came" in refusal(door, api_key="")


@pytest.mark.parametrize("header", ["Basic dXNlcg==", "Bearer", "Bearer   ", ""])
def test_another_kind_of_authorization_is_refused_with_the_right_one(header: str) -> None:
    assert "not `Bearer <key>`" in refusal(Door([known(a_secret())]), header, a_secret())


def test_two_different_keys_at_once_are_refused_even_if_both_are_good() -> None:
    one, other = a_secret(1), a_secret(2)
    door = Door([known(one, key_id="one"), known(other, key_id="other")])
    assert "Two different keys" in refusal(door, f"Bearer {one}", other)


def test_a_revoked_key_is_told_apart_from_a_mistyped_one_and_from_a_vendor_s() -> None:
    door = Door([known(a_secret(1))])
    revoked = a_secret(2)
    assert "may have been revoked" in refusal(door, api_key=revoked)
    assert "mistyped" in refusal(door, api_key=revoked[:-1])
    assert "mistyped" in refusal(door, api_key=revoked[:-1] + ("0" if revoked[-1] != "0" else "1"))
    assert "no key of Pointsman" in refusal(door, api_key="sk-ant-123")
    assert all(revoked not in refusal(door, api_key=shown) for shown in (revoked, revoked[:-1]))


@given(st.integers(3, 51), st.sampled_from("0Aaz~é"))
def test_one_wrong_character_is_always_noticed(position: int, wrong: str) -> None:
    secret = a_secret()
    mistyped = secret[:position] + wrong + secret[position + 1 :]
    if mistyped != secret:
        assert "mistyped" in refusal(Door([known(a_secret(2))]), api_key=mistyped)


def test_during_a_rotation_both_secrets_open_and_afterwards_only_the_new_one() -> None:
    old, new = a_secret(1), a_secret(2)
    digests = (Digest(sha256=hashlib.sha256(new.encode()).hexdigest()), Digest(sha256=hashlib.sha256(old.encode()).hexdigest(), until_s=NOW + 60))
    door = Door([a_key(digests=digests)])
    assert show(door, api_key=old) == show(door, api_key=new)
    with pytest.raises(NotAuthenticated, match="was replaced"):
        door.identify(None, old, user=None, now_s=NOW + 60)
    assert door.identify(None, new, user=None, now_s=NOW + 60)


def test_an_expired_key_names_itself_and_the_remedy() -> None:
    secret = a_secret()
    assert show(Door([known(secret, expires_s=NOW + 1)]), api_key=secret)
    assert "`pointsman keys rotate web`" in refusal(Door([known(secret, expires_s=NOW)]), api_key=secret)


def test_a_key_that_was_revoked_opens_no_door_even_where_the_configuration_still_names_it() -> None:
    secret, register = a_secret(), Register()
    register.revoked = Revoked(keys=frozenset({hashlib.sha256(secret.encode()).hexdigest()}))
    door = Door([known(secret)], Identities(register=register))
    assert "was revoked" in refusal(door, f"Bearer {secret}")
