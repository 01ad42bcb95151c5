"""What was copied out of the company's own documents is found again, however it was dressed."""

import random
import string
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.governance.detection.fingerprints import RUN, WINDOW, Fingerprints, NotFingerprints

CHANCE: Final = random.Random(5)
WORDS: Final = ["".join(CHANCE.choice(string.ascii_lowercase) for _ in range(CHANCE.randint(2, 9))) for _ in range(3000)]


def prose(words: int) -> str:
    return " ".join(CHANCE.choice(WORDS) + CHANCE.choice(["", "", "", ",", ".", "\n"]) for _ in range(words))


PLAN: Final = prose(800)
CODE: Final = "\n".join(f"    {CHANCE.choice(WORDS)} = {CHANCE.choice(WORDS)}({CHANCE.choice(WORDS)}, {number})" for number in range(300))
LICENCE: Final = prose(120)
KNOWN: Final = Fingerprints.of([("plan.md", "restricted", LICENCE + PLAN), ("engine.py", "source_code", CODE)], key=b"of the tenant", common=[LICENCE])


def found(text: str, known: Fingerprints = KNOWN) -> list[tuple[str, str]]:
    return [(finding.data_class, text[finding.start : finding.end]) for finding in known.find(text)]


def test_a_copied_paragraph_is_found_with_the_class_of_its_document() -> None:
    text = f"{prose(100)} {PLAN[500:1200]} {prose(100)}"
    ((data_class, piece),) = found(text)
    assert data_class == "restricted"
    assert piece in PLAN
    assert len(piece) > 600
    (finding,) = KNOWN.find(text)
    assert finding.kind == "fingerprint"
    assert KNOWN.source_of(text, finding) == "plan.md"


def test_blanks_case_and_signs_make_no_difference() -> None:
    piece = CODE[2000:2600]
    for dressed in (
        piece.upper(),
        piece.replace("    ", "\t").replace("\n", "\r\n\r\n"),
        piece.replace(" = ", "=").replace(", ", " ,  "),
        "> " + piece.replace("\n", "\n> "),
    ):
        assert [data_class for data_class, _ in found(dressed)] == ["source_code"]


def test_other_texts_share_nothing() -> None:
    assert found(prose(3000)) == []
    assert found("") == []
    assert found(PLAN[:40]) == []


def test_what_many_documents_share_is_left_out() -> None:
    assert found(LICENCE) == []


def test_copies_from_two_documents_and_copies_far_apart_are_findings_of_their_own() -> None:
    gap = prose(200)
    text = PLAN[:400] + gap + CODE[:400] + gap + PLAN[2000:2400]
    assert [data_class for data_class, _ in found(text)] == ["restricted", "source_code", "restricted"]


def test_letters_of_any_script_count_and_their_case_does_not() -> None:
    chance = random.Random(3)
    letter = "".join(chance.choice("абвгдежзийклмнопрстуфхцчшщэюя ") for _ in range(600))
    known = Fingerprints.of([("letter", "confidential", letter)])
    text = f"😀 {letter[100:400].upper()} — end"
    ((_, piece),) = found(text, known)
    assert piece in text
    assert len(piece) > 200


def test_they_survive_as_bytes_and_hold_no_text() -> None:
    data = KNOWN.to_bytes()
    again = Fingerprints.from_bytes(data)
    assert found(PLAN, again) == found(PLAN)
    assert len(again) == len(KNOWN)
    assert len(data) < 1.2 * (len(PLAN) + len(CODE))
    assert not any(word.encode() in data for word in WORDS if len(word) > 6)


def test_with_another_key_they_are_others() -> None:
    own = Fingerprints.of([("plan.md", "restricted", PLAN)], key=b"one")
    other = Fingerprints.of([("plan.md", "restricted", PLAN)], key=b"another")
    assert own.to_bytes() != other.to_bytes()
    assert own.to_bytes() == Fingerprints.of([("plan.md", "restricted", PLAN)], key=b"one").to_bytes()


def test_no_documents_find_nothing() -> None:
    empty = Fingerprints.of([])
    assert len(empty) == 0
    assert found(PLAN, empty) == []


def test_a_text_that_shares_nothing_has_no_source() -> None:
    (finding,) = KNOWN.find(PLAN[:600])
    assert not KNOWN.source_of(prose(200), finding)


@pytest.mark.parametrize("damage", [b"", b"nonsense", msgspec.msgpack.encode({"form": 1})])
def test_bytes_that_are_none_are_refused(damage: bytes) -> None:
    with pytest.raises(NotFingerprints, match="Make them again"):
        Fingerprints.from_bytes(damage)


def test_bytes_of_another_form_or_of_wrong_size_are_refused() -> None:
    whole = msgspec.msgpack.decode(KNOWN.to_bytes())
    for change in ({"form": 2}, {"owners": b"\0" * 5}, {"hashes": whole["hashes"][:-8]}, {"classes": []}, {"seed": b"short"}):
        with pytest.raises(NotFingerprints):
            Fingerprints.from_bytes(msgspec.msgpack.encode({**whole, **change}))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(PLAN) - 400), st.text(max_size=60), st.text(max_size=60))
def test_any_copy_of_enough_letters_is_found(start: int, before: str, after: str) -> None:
    """Three kept runs are in any piece of RUN + 3 · WINDOW letters, wherever it begins; blanks come on top."""
    piece = PLAN[start : start + 2 * (RUN + 3 * WINDOW)]
    assert found(f"{before} {piece} {after}")
