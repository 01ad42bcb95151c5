from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.label import CLASSES, PUBLIC, UNKNOWN, Integrity, Label, Level, a_label

few = st.frozensets(st.sampled_from(["eu", "us", "ch"]))
labels = st.builds(
    Label,
    classes=st.frozensets(st.sampled_from(sorted(CLASSES))),
    level=st.sampled_from(Level),
    integrity=st.sampled_from(Integrity),
    residency=st.none() | few,
    purposes=st.none() | few,
    keep_at_least_s=st.integers(0, 9),
    keep_at_most_s=st.none() | st.integers(0, 9),
    sources=few,
)


def test_what_is_mixed_is_as_strict_as_its_strictest_part() -> None:
    mail = Label(classes=frozenset({"personal"}), level=Level.CONFIDENTIAL, residency=frozenset({"eu", "ch"}), keep_at_most_s=60)
    page = Label(classes=frozenset({"internal"}), level=Level.INTERNAL, integrity=Integrity.EXTERNAL, residency=frozenset({"eu", "us"}), keep_at_least_s=5)

    both = mail.joined(page)

    assert both.classes == {"personal", "internal"}
    assert (both.level, both.integrity, both.residency) == (Level.CONFIDENTIAL, Integrity.EXTERNAL, {"eu"})
    assert (both.keep_at_least_s, both.keep_at_most_s, both.purposes) == (5, 60, None)


@given(labels, labels, labels)
def test_joining_is_a_lattice_order_and_grouping_do_not_matter(one: Label, two: Label, three: Label) -> None:
    assert one.joined(two) == two.joined(one)
    assert one.joined(two).joined(three) == one.joined(two.joined(three))
    assert one.joined(one) == one


@given(labels, labels)
def test_joining_never_frees(one: Label, other: Label) -> None:
    both = one.joined(other)
    assert both.classes >= one.classes
    assert both.level >= one.level
    assert both.integrity <= one.integrity
    for mine, joined in ((one.residency, both.residency), (one.purposes, both.purposes)):
        assert mine is None or (joined is not None and joined <= mine)
    assert one.keep_at_most_s is None or (both.keep_at_most_s is not None and both.keep_at_most_s <= one.keep_at_most_s)


def test_a_class_that_nobody_knows_counts_as_the_strictest() -> None:
    assert a_label("moon-dust").level is Level.RESTRICTED
    assert a_label().level is Level.RESTRICTED
    assert a_label("public", "moon-dust", levels={**CLASSES, "moon-dust": Level.INTERNAL}).level is Level.INTERNAL


@pytest.mark.parametrize(
    ("label", "told"),
    [
        (PUBLIC, "public"),
        (UNKNOWN, "restricted"),
        (a_label("internal", "personal"), "internal+personal"),
        (a_label("internal", "restricted", "legal"), "legal+restricted"),
        (a_label("public", "internal", "financial"), "financial+internal"),
    ],
)
def test_a_label_is_told_in_one_word_with_the_strictest_of_its_levels(label: Label, told: str) -> None:
    assert label.text == told


def test_a_label_without_a_class_is_told_as_unknown() -> None:
    nothing: Any = frozenset()
    assert Label(classes=nothing, level=Level.RESTRICTED).text == "unknown"
