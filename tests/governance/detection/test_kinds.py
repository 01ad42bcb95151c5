"""
Kinds and their classes.
"""

import pytest

from pointsman.core.label import CLASSES
from pointsman.governance.detection.kinds import KINDS, PROVEN, REGIONS, class_of, rank_of


@pytest.mark.parametrize(
    ("kind", "data_class"),
    [
        ("email", "personal"),
        ("card", "financial"),
        ("organisation", "public"),
        ("health", "health"),
        ("source_code", "source_code"),
        ("secret:github", "secret"),
    ],
)
def test_a_kind_makes_a_text_one_of_the_known_classes(kind: str, data_class: str) -> None:
    assert class_of(kind) == data_class


def test_every_kind_has_a_class_that_a_label_knows() -> None:
    assert set(KINDS.values()) <= set(CLASSES)


def test_a_kind_nobody_described_is_restricted() -> None:
    assert class_of("voice_print") == "restricted"


def test_a_secret_is_the_strictest_and_a_class_of_ones_own_is_confidential() -> None:
    assert min(CLASSES, key=rank_of) == "secret"
    assert max(CLASSES, key=rank_of) == "public"
    assert rank_of("our own") == rank_of("confidential") < rank_of("personal")


def test_what_changes_the_way_of_a_call_is_proven_or_called_by_its_name() -> None:
    """A false alarm of any other kind costs a pseudonym, not a model."""
    assert {kind for kind, data_class in KINDS.items() if data_class == "financial"} - PROVEN == {"bank_account", "swift"}
    assert not PROVEN & REGIONS
