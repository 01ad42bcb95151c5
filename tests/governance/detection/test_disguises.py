"""
Identifiers in disguise are found; the whole figures are in bench/governance/detection.py.
"""

import json
import os
import random
from pathlib import Path

import pytest
from tests.governance.detection.disguises import DISGUISES, MAKERS, MORE
from tests.values import Time

from pointsman.governance.detection.identifiers.structured import StructuredDetector
from pointsman.governance.detection.scanner import Scanner

DATA = Path(os.environ.get("POINTSMAN_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
SCANNER = Scanner([StructuredDetector()], clock=Time().clock.monotonic_s, key=b"key")


@pytest.mark.parametrize("disguise", [*DISGUISES, *(name for name in MORE if name != "groups by underscore")])
def test_an_identifier_in_disguise_is_found(disguise: str) -> None:
    way = DISGUISES.get(disguise) or MORE[disguise]
    for kind, make in MAKERS.items():
        for seed in range(5):
            value = make(random.Random(f"{kind}{seed}"))
            texts = f"Mine is {way(value)} today".split("\0") if disguise != "two messages" else way(value).split("\0")
            findings = SCANNER.scan(texts).findings
            assert all(any(one.kind == kind for one in ones) for ones in findings), (kind, value)


def test_what_is_around_a_disguise_is_not_part_of_the_finding() -> None:
    for name, way in DISGUISES.items():
        if name == "two messages":
            continue
        disguised = way("4111111111111111")
        (ones,) = SCANNER.scan([f"My number: {disguised}, until May"]).findings
        assert [(one.start, one.end) for one in ones if one.kind == "card"] == [(11, 11 + len(disguised))], name


def test_benign_prompts_keep_their_way() -> None:
    path = DATA / "injection" / "benign_prompts" / "data.jsonl"
    if not path.exists():
        pytest.skip(f"the benign prompts are not at {path}; name their folder in POINTSMAN_DATA")
    with path.open(encoding="utf-8") as file:
        prompts = [row["text"] for row in map(json.loads, file)][::4]
    changed = sum(any(one.data_class not in {"personal", "internal", "public"} for one in SCANNER.scan([text]).findings[0]) for text in prompts)
    assert changed <= len(prompts) / 100
