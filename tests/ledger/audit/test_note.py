"""
Notes, checkpoints and keys against published ones, and against what is nearly one.
"""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.ledger.audit.note import (
    COSIGNATURE_KEY,
    BadNote,
    Checkpoint,
    Note,
    Signer,
    Verifier,
    cosigned_at_s,
    is_signed_by,
    read_checkpoint,
    read_note,
    read_signature,
    read_verifier,
)
from pointsman.ledger.audit.verifier import verify as second

# From the tests of Go's `note` package, the first to have this format.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
SIGNER = Signer(private=Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
HEAD = Checkpoint(origin="example.com/log/0", size=7, root=bytes(32))


def test_a_published_note_is_valid_and_a_changed_one_is_not() -> None:
    key = read_verifier(PETER)
    assert key.text == PETER
    assert is_signed_by(read_note(PUBLISHED), key)
    assert read_note(PUBLISHED).whole == PUBLISHED
    assert not is_signed_by(read_note(PUBLISHED.replace("answer", "Answer")), key)
    assert not is_signed_by(read_note(PUBLISHED), Verifier(name="PeterNeumann", public=SIGNER.public))


def test_a_checkpoint_is_three_lines_and_comes_back_as_it_went() -> None:
    assert HEAD.text == f"example.com/log/0\n7\n{'A' * 43}=\n"
    assert read_checkpoint(HEAD.text) == HEAD


@pytest.mark.parametrize(
    "text",
    [
        "a\n07\n" + "A" * 43 + "=\n",
        "a b\n7\n" + "A" * 43 + "=\n",
        "a+b\n7\n" + "A" * 43 + "=\n",
        "\n7\n" + "A" * 43 + "=\n",
        "a\n-7\n" + "A" * 43 + "=\n",
        "a\n7\nAAAA\n",
        "a\n7\n" + "A" * 42 + "B=\n",  # not canonical
        "a\n7\n" + "A" * 43 + "=\nmore\n",
        "a\n7\n" + "A" * 43 + "=",
        "a\n7\n!\n",
    ],
)
def test_what_is_no_checkpoint_is_not_read(text: str) -> None:
    with pytest.raises(BadNote):
        read_checkpoint(text)


@pytest.mark.parametrize(
    "whole", ["", "text\n", "text\n\n", "text\n\n- a AAAA\n", "text\n\n— a AAAA", "te\x00xt\n\n— a AAAA\n", "text\n\n— a b AAAA\n", "text\n\n— a AAA\n"]
)
def test_what_is_no_note_is_not_read(whole: str) -> None:
    with pytest.raises(BadNote):
        read_note(whole)


@pytest.mark.parametrize(
    "word",
    ["", "a", "a+b", "a+00000000+AAAA", PETER.replace("c74f20a3", "c74f20a4"), PETER.replace("PeterNeumann", "Peter Neumann"), PETER.replace("+AR", "+BR")],
)
def test_what_is_no_key_is_not_read(word: str) -> None:
    with pytest.raises(BadNote):
        read_verifier(word)


def test_a_cosignature_tells_its_time_and_covers_it() -> None:
    key = Verifier(name="witness.example/w", public=SIGNER.public, kind=COSIGNATURE_KEY)
    signed = SIGNER.cosign(HEAD, name=key.name, at_s=1_800_000_000)
    note = Note(text=HEAD.text, signatures=(signed,))
    assert cosigned_at_s(note, key) == 1_800_000_000
    later = read_signature(signed.line.strip()).value
    moved = Note(text=HEAD.text, signatures=(read_signature(signed.line.strip()).__class__(name=key.name, key_id=key.key_id, value=b"\0" + later[1:-1]),))
    assert cosigned_at_s(moved, key) is None
    assert cosigned_at_s(note, Verifier(name=key.name, public=SIGNER.public)) is None
    assert second.Note(note.whole).signed_at(key.name, key.public, kind=COSIGNATURE_KEY) == 1_800_000_000


def test_a_note_with_a_false_signature_beside_a_true_one_is_void() -> None:
    true = SIGNER.sign(HEAD.text, name="a")
    false = true.__class__(name="a", key_id=true.key_id, value=true.value[:-1] + bytes([true.value[-1] ^ 1]))
    both = Note(text=HEAD.text, signatures=(true, false))
    key = Verifier(name="a", public=SIGNER.public)
    assert is_signed_by(Note(text=HEAD.text, signatures=(true,)), key)
    assert not is_signed_by(both, key)
    assert second.Note(both.whole).signed_at("a", SIGNER.public) is None


# RFC 8032 section 7.1, tests 1 to 3.
SIGNED = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), SIGNED)
def test_the_second_verifier_checks_signatures_as_the_standard_says(public: str, message: str, signature: str) -> None:
    told = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert second.is_signature(told[0], told[1], signature=told[2])
    assert not second.is_signature(told[0], told[1] + b"x", signature=told[2])
    scalar = int.from_bytes(told[2][32:], "little") + second.ORDER
    assert not second.is_signature(told[0], told[1], signature=told[2][:32] + scalar.to_bytes(32, "little"))  # malleable
    assert not second.is_signature(told[0], told[1], signature=told[2][:-1])
    assert not second.is_signature(b"\xff" * 32, told[1], signature=told[2])  # no point of the curve
    assert not second.is_signature(told[0], told[1], signature=b"\x02" + bytes(30) + b"\x80" + told[2][32:])


@given(message=st.binary(max_size=100), bit=st.integers(0, 511))
@settings(max_examples=15, deadline=None)
def test_the_second_verifier_and_the_library_agree(message: bytes, bit: int) -> None:
    signature = SIGNER.private.sign(message)
    assert second.is_signature(SIGNER.public, message, signature=signature)
    flipped = bytearray(signature)
    flipped[bit // 8] ^= 1 << bit % 8
    assert not second.is_signature(SIGNER.public, message, signature=bytes(flipped))
