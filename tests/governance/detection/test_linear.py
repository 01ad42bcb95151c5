"""
Linear patterns and shadows.
"""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.governance.detection.linear import Linear, LinearSet, shadow


def test_a_shadow_shows_foreign_spaces_and_dashes_plainly_and_other_letters_as_a_question_mark() -> None:
    assert shadow("4111\u00a01111\u20131111 é漢😀") == b"4111 1111-1111 ???"


@given(st.text())
@settings(max_examples=60)
def test_a_shadow_is_as_long_as_the_text_and_shows_ascii_as_it_is(text: str) -> None:
    raw = shadow(text)
    assert len(raw) == len(text)
    assert all(chr(byte) == letter for byte, letter in zip(raw, text, strict=True) if letter.isascii())


def test_a_text_with_half_a_character_has_a_shadow() -> None:
    assert shadow("a\ud800b") == b"a?b"


def test_patterns_tell_where_they_occur() -> None:
    pattern = Linear(r"([a-z])([0-9])?")
    assert pattern.found_in(b"--a")
    assert not pattern.found_in(b"--")
    assert list(pattern.spans(b"a1-b")) == [(0, 2), (3, 4)]
    assert list(pattern.groups(b"a1-b")) == [((0, 2), (0, 1), (1, 2)), ((3, 4), (3, 4), (-1, -1))]


def test_a_set_tells_which_of_its_patterns_occur() -> None:
    patterns = LinearSet(["a+", "b+", r"\bc\b"])
    assert patterns.found_in(b"xaab") == {0, 1}
    assert patterns.found_in(b"abc") == {0, 1}
    assert patterns.found_in(b"-c-") == {2}
    assert patterns.found_in(b"---") == frozenset()


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(?:a|a)*b", r"(a*)*(a*)*c"])
def test_a_pattern_that_would_hang_others_is_linear_here(pattern: str) -> None:
    start = time.process_time()
    assert not Linear(pattern).found_in(b"a" * 200_000 + b"!")
    assert time.process_time() - start < 1.0
