"""The model is built from our own texts: every slot means something, every span is where it says, and the same seed builds the same model."""

import re
import runpy
import sys
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.governance.detection.sequence import SequenceDetector

SCRIPTS: Final = Path(__file__).parents[3] / "scripts"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    before = list(sys.path)
    names = runpy.run_path(str(SCRIPTS / "build_sequence.py"))
    sys.path[:] = before
    return names


def test_the_same_seed_builds_the_same_model(script: dict[str, Any], tmp_path: Path) -> None:
    for name in ("one", "other"):
        script["build"](tmp_path / f"{name}.npz", texts=60, seed=3, rounds=1)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()
    list(SequenceDetector((tmp_path / "one.npz").read_bytes()).find("It loads and reads."))


def test_the_model_in_the_package_is_small() -> None:
    model = Path(__file__).parents[3] / "src/pointsman/governance/detection/data/sequence.npz"
    assert model.stat().st_size <= 1_500_000


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_every_span_is_text_with_nothing_around_it(script: dict[str, Any], seed: int) -> None:
    for text in script["generate"].texts(Random(seed), 5):
        at = 0
        for start, end, tag in text.spans:
            assert at <= start < end <= len(text.text)
            assert 0 < tag < len(script["generate"].TAGS)
            assert text.text[start:end].strip() != ""
            at = end


def test_no_slot_of_a_template_is_left_open(script: dict[str, Any]) -> None:
    generate = script["generate"]
    slots = {slot for template in generate._TEMPLATES for slot in re.findall(r"\{([a-z0-9]+)\}", template)}
    assert slots <= set(generate._SLOTS)


def test_names_that_nobody_listed_are_learned_as_well(script: dict[str, Any]) -> None:
    words = script["words"]
    listed = set(words.LISTS["last"])
    made = [name for name in (words.last(Random(seed)) for seed in range(200)) if name not in listed]
    assert len(made) > 40
