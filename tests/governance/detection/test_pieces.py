"""
Pieces of long texts.
"""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.governance.detection.pieces import OVERLAP, PIECE, is_cut, pieces
from pointsman.governance.finding import Finding


def a_finding(start: int, end: int) -> Finding:
    return Finding(start=start, end=end, kind="email", data_class="personal", detector="test/1")


def test_a_short_text_is_one_piece() -> None:
    assert list(pieces(PIECE)) == [(0, PIECE)]
    assert list(pieces(0)) == [(0, 0)]


@given(st.integers(1, 10 * PIECE))
@settings(max_examples=40)
def test_pieces_cover_a_text_and_neighbours_share_enough_for_any_identifier(length: int) -> None:
    parts = list(pieces(length))
    assert parts[0][0] == 0
    assert parts[-1][1] == length
    assert all(0 < end - start <= PIECE for start, end in parts)
    assert all(left[1] - right[0] == OVERLAP for left, right in itertools.pairwise(parts))


def test_a_finding_at_a_cut_is_left_to_the_neighbour() -> None:
    whole = {"length": 3 * PIECE, "start": PIECE, "end": 2 * PIECE}
    assert is_cut(a_finding(0, 10), **whole)
    assert is_cut(a_finding(PIECE - 10, PIECE), **whole)
    assert not is_cut(a_finding(1, PIECE - 1), **whole)
    assert not is_cut(a_finding(5, 10), **whole)


def test_a_finding_at_the_end_of_the_text_is_whole_and_so_is_a_long_one() -> None:
    assert not is_cut(a_finding(0, 10), length=10, start=0, end=10)
    assert not is_cut(a_finding(0, OVERLAP), length=3 * PIECE, start=PIECE, end=2 * PIECE)
