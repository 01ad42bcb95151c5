"""
Which findings stay.
"""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.governance.detection.kinds import KINDS, REGIONS, class_of
from pointsman.governance.detection.overlaps import settled
from pointsman.governance.finding import Finding

TEXT = "abcdefghij klmnopqrst uvwxyz" * 2


def a_finding(start: int, end: int, kind: str = "person", *, score: float = 1.0, detector: str = "test/1") -> Finding:
    return Finding(start=start, end=end, kind=kind, data_class=class_of(kind), detector=detector, score=score)


def told(*findings: Finding, text: str = TEXT) -> list[tuple[int, int, str]]:
    return [(one.start, one.end, one.kind) for one in settled(findings, text)]


def test_findings_come_in_the_order_of_the_text() -> None:
    assert told(a_finding(5, 8), a_finding(0, 3, "email")) == [(0, 3, "email"), (5, 8, "person")]


def test_the_strictest_class_has_a_place_whatever_its_length() -> None:
    assert told(a_finding(0, 10, "phone"), a_finding(2, 6, "card")) == [(0, 2, "phone"), (2, 6, "card"), (6, 10, "phone")]
    assert told(a_finding(0, 10, "card"), a_finding(2, 6, "secret:key")) == [(0, 2, "card"), (2, 6, "secret:key"), (6, 10, "card")]


def test_of_one_class_the_longer_stays_and_then_the_surer() -> None:
    assert told(a_finding(0, 6, "phone"), a_finding(0, 8, "person")) == [(0, 8, "person")]
    assert told(a_finding(0, 6, "phone", score=0.9), a_finding(0, 6, "ssn")) == [(0, 6, "ssn")]


def test_the_same_finding_twice_is_one() -> None:
    assert told(a_finding(0, 6), a_finding(0, 6), a_finding(1, 5)) == [(0, 6, "person")]


def test_what_is_left_of_a_finding_without_letters_is_dropped() -> None:
    assert told(a_finding(0, 5, "card"), a_finding(0, 7, "person"), text="12345--") == [(0, 5, "card")]


def test_a_region_neither_hides_a_value_nor_gives_way() -> None:
    assert told(a_finding(0, 20, "source_code"), a_finding(3, 9, "email")) == [(0, 20, "source_code"), (3, 9, "email")]


def test_regions_of_one_detector_that_touch_are_one() -> None:
    assert told(a_finding(0, 20, "source_code"), a_finding(15, 30, "source_code"), a_finding(30, 32, "source_code"), a_finding(40, 42, "source_code")) == [
        (0, 32, "source_code"),
        (40, 42, "source_code"),
    ]
    assert len(told(a_finding(0, 20, "source_code", detector="a/1"), a_finding(5, 30, "source_code", detector="b/1"))) == 2


findings = st.builds(
    lambda start, length, kind, score: a_finding(start, min(len(TEXT), start + length), kind, score=score),
    st.integers(0, len(TEXT) - 1),
    st.integers(1, 20),
    st.sampled_from([*KINDS, "secret:key"]),
    st.sampled_from([0.5, 1.0]),
)


@given(st.lists(findings, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_no_letter_that_was_found_is_uncovered_none_gets_a_milder_class_and_order_does_not_matter(found: list[Finding], chance) -> None:
    kept = settled(found, TEXT)
    values = [one for one in kept if one.kind not in REGIONS]
    assert all(left.end <= right.start for left, right in itertools.pairwise(values))
    for at, letter in enumerate(TEXT):
        before = {one.data_class for one in found if one.start <= at < one.end and one.kind not in REGIONS}
        after = {one.data_class for one in values if one.start <= at < one.end}
        assert not letter.isalnum() or bool(before) == bool(after)
        assert "secret" not in before or after <= {"secret"}
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert settled(shuffled, TEXT) == kept
