"""
Envelopes open with their key, for their record, unchanged; and with nothing else.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.ledger import envelope

KEY = bytes(range(32))


def test_what_was_sealed_opens_again_and_shows_nothing_of_itself() -> None:
    sealed = envelope.seal(KEY, b"the quick brown fox", bound_to=b"record 1")
    assert b"quick" not in sealed
    assert envelope.unseal(KEY, sealed, bound_to=b"record 1") == b"the quick brown fox"
    assert envelope.seal(KEY, b"the quick brown fox", bound_to=b"record 1") != sealed


@given(plain=st.binary(max_size=50), at=st.integers(0, 10_000), bit=st.integers(0, 7))
@settings(max_examples=50)
def test_a_single_changed_bit_opens_nothing(plain: bytes, at: int, bit: int) -> None:
    sealed = bytearray(envelope.seal(KEY, plain, bound_to=b"record 1"))
    sealed[at % len(sealed)] ^= 1 << bit
    with pytest.raises(envelope.CannotOpen):
        envelope.unseal(KEY, bytes(sealed), bound_to=b"record 1")


@pytest.mark.parametrize(("key", "bound_to"), [(bytes(32), b"record 1"), (KEY, b"record 2"), (KEY, b"")])
def test_another_key_or_record_opens_nothing(key: bytes, bound_to: bytes) -> None:
    with pytest.raises(envelope.CannotOpen):
        envelope.unseal(key, envelope.seal(KEY, b"x", bound_to=b"record 1"), bound_to=bound_to)


def test_what_is_too_short_to_be_sealed_opens_nothing() -> None:
    with pytest.raises(envelope.CannotOpen):
        envelope.unseal(KEY, b"short", bound_to=b"")


@given(one=st.text(max_size=20), other=st.text(max_size=20))
@settings(max_examples=30)
def test_a_digest_stands_for_one_name_and_cannot_be_made_without_the_key(one: str, other: str) -> None:
    assert (envelope.digest(KEY, one) == envelope.digest(KEY, other)) == (one == other)
    assert envelope.digest(KEY, one) != envelope.digest(bytes(32), one)


def test_keys_for_two_purposes_have_nothing_in_common() -> None:
    made = {envelope.derive(KEY, salt=salt, purpose=purpose) for salt in (b"a", b"b") for purpose in (b"c", b"d")}
    assert len(made) == 4
    assert {len(key) for key in made} == {32}
    assert envelope.new_key() != envelope.new_key()


def test_a_fingerprint_proves_a_content_to_whoever_has_the_key() -> None:
    found = envelope.fingerprint(KEY, b"said")
    assert envelope.is_fingerprint(KEY, b"said", of=found)
    assert not envelope.is_fingerprint(KEY, b"sad", of=found)
    assert not envelope.is_fingerprint(bytes(32), b"said", of=found)
