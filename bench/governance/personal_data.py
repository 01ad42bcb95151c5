"""
How much personal data the detectors find: `python bench/governance/personal_data.py [--set synth_v2] [--model FILE]`.

Texts with typed spans (`personal_data/*.jsonl` of the data folder; see its README). The sequence model is trained on templates of our own, so every
template of the data is unseen. A gold span is found when findings of its type cover at least half of its characters; a finding is right when it
covers half of a gold span of its type or half of it lies in such spans. `uncovered` is the share of gold characters under no finding at all.

Types: STREET_ADDRESS, ADDRESS, GPE, LOCATION and ZIP_CODE are one type, place (address, location, postcode), as in the baseline. NRP is nationality,
DATE_TIME is date or birth_date, US_DRIVER_LICENSE any number of a document. TITLE (Mr., names of jobs) is told apart: the baseline leaves it out.
"""

import argparse
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from pointsman.governance.detection.identifiers.structured import StructuredDetector
from pointsman.governance.detection.kinds import REGIONS
from pointsman.governance.detection.scanner import Scanner
from pointsman.governance.detection.sequence import ALL_KINDS, SequenceDetector

DATA: Final = Path(os.environ.get("POINTSMAN_DATA") or Path(__file__).parents[3] / "shared" / "data")
GOLD: Final = {
    "PERSON": "person",
    "STREET_ADDRESS": "place",
    "ADDRESS": "place",
    "GPE": "place",
    "LOCATION": "place",
    "ZIP_CODE": "place",
    "ORGANIZATION": "organisation",
    "NRP": "nationality",
    "AGE": "age",
    "DATE_TIME": "date",
    "TITLE": "title",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "US_SSN": "ssn",
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "IP_ADDRESS": "ip",
    "DOMAIN_NAME": "url",
    "US_DRIVER_LICENSE": "document",
}
FOUND: Final = {
    "address": "place",
    "location": "place",
    "postcode": "place",
    "birth_date": "date",
    "licence": "document",
    "passport": "document",
    "national_id": "document",
    "internal_host": "url",
    "tax_id": "document",
}
# Presidio without a language model, threshold 0.4, same counting, measured before: F2 for each type.
PRESIDIO: Final = {
    "card": 0.81,
    "iban": 1.0,
    "ssn": 1.0,
    "email": 1.0,
    "ip": 1.0,
    "phone": 0.61,
    "url": 0.79,
    "date": 0.46,
    "age": 0.0,
    "person": 0.0,
    "place": 0.0,
    "organisation": 0.0,
    "nationality": 0.0,
}
PRESIDIO_MICRO: Final = (0.151, 0.842)

Span = tuple[int, int, str]


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / "personal_data" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def shared(span: Span, others: Iterable[Span]) -> int:
    return sum(max(0, min(span[1], other[1]) - max(span[0], other[0])) for other in others if other[2] == span[2])


class Tally:
    """Counts for each type."""

    def __init__(self) -> None:
        self.gold: Counter[str] = Counter()
        self.hit: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.right: Counter[str] = Counter()
        self.characters = self.uncovered = self.titles = 0

    def add(self, text: str, *, gold: Sequence[Span], found: Sequence[Span]) -> None:
        """Count one text."""
        for span in gold:
            self.gold[span[2]] += 1
            self.hit[span[2]] += 2 * shared(span, found) >= span[1] - span[0]
        for span in found:
            self.told[span[2]] += 1
            inside = 2 * shared(span, gold) >= span[1] - span[0]
            self.right[span[2]] += inside or any(2 * shared(one, [span]) >= one[1] - one[0] for one in gold)
        covered = {at for start, end, _ in found for at in range(start, end)}
        for start, end, kind in gold:
            bare = sum(not text[at].isspace() and at not in covered for at in range(start, end))
            self.characters += sum(not text[at].isspace() for at in range(start, end))
            self.uncovered += bare
            self.titles += bare if kind == "title" else 0

    def scores(self, types: Iterable[str]) -> tuple[float, float, float, int]:
        """Return precision, recall, F2 and the number of gold spans of these types together."""
        gold, hit, told, right = (sum(counts[name] for name in types) for counts in (self.gold, self.hit, self.told, self.right))
        precision, recall = right / max(1, told), hit / max(1, gold)
        return precision, recall, 5 * precision * recall / max(1e-9, 4 * precision + recall), gold


def measured(rows: Iterable[dict[str, Any]], detectors: Sequence[Any]) -> Tally:
    tally = Tally()
    scanner = Scanner(detectors, clock=time.monotonic, budget_s=60, key=b"bench")
    for row in rows:
        text = row["text"]
        findings = scanner.scan([text]).findings[0]
        found = [(finding.start, finding.end, FOUND.get(finding.kind, finding.kind)) for finding in findings if finding.kind not in REGIONS]
        tally.add(text, gold=[(start, end, GOLD[kind]) for start, end, kind in row["spans"]], found=found)
    return tally


def report(tally: Tally) -> None:
    print(f"{'type':14}{'spans':>6}{'P':>8}{'R':>8}{'F2':>8}{'Presidio F2':>13}")
    types = sorted(tally.gold)
    for name in types:
        precision, recall, f2, gold = tally.scores([name])
        print(f"{name:14}{gold:6}{precision:8.3f}{recall:8.3f}{f2:8.3f}{PRESIDIO.get(name, float('nan')):13.2f}")
    for label, chosen in (("all", sorted(set(types) | set(tally.told))), ("without title", sorted((set(types) | set(tally.told)) - {"title"}))):
        precision, recall, f2, gold = tally.scores(chosen)
        print(f"{label:14}{gold:6}{precision:8.3f}{recall:8.3f}{f2:8.3f}{PRESIDIO_MICRO[0]:13.3f}")
    shares = tally.uncovered / tally.characters, tally.titles / tally.characters
    print(f"characters uncovered: {shares[0]:.3f} (Presidio {PRESIDIO_MICRO[1]}), of these in titles {shares[1]:.3f}")


def normal(row: dict[str, Any]) -> str:
    """Return the template with its slots alike, as it is told apart from others."""
    parts = str(row["template"]).lower().split("{{")
    return "{}".join([parts[0], *(part.partition("}}")[2] for part in parts[1:])]).strip()


def benign(detector: SequenceDetector, *, show: int) -> None:
    rows = [json.loads(line) for line in (DATA / "injection" / "benign_prompts" / "data.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = [row["text"] for row in rows if row["label"] == 0 and row["set"] != "valid"]
    kinds: Counter[str] = Counter()
    holding: defaultdict[str, int] = defaultdict(int)
    examples: list[str] = []
    for text in texts:
        found = list(detector.find(text))
        kinds.update(finding.kind for finding in found)
        for kind in {finding.kind for finding in found}:
            holding[kind] += 1
        holding["any personal"] += any(finding.data_class == "personal" for finding in found)
        examples += [
            f"{finding.kind:13}{finding.score:.2f}  {text[finding.start : finding.end]!r}  in …{text[max(0, finding.start - 40) : finding.end + 25]!r}"
            for finding in found
        ]
    print(f"\n{len(texts)} benign prompts: findings {dict(kinds)}; prompts that hold one {dict(holding)}")
    for line in examples[:: max(1, len(examples) // show)] if show else ():
        print("  ", line)


def speed(detectors: Sequence[Any], texts: Sequence[str]) -> str:
    def once() -> float:
        started = time.process_time()
        for text in texts:
            for detector in detectors:
                for _ in detector.find(text):
                    pass
        return time.process_time() - started

    first = once()
    best = min(once() for _ in range(7))
    size = sum(len(text.encode()) for text in texts)
    return f"{size / first / 1e6:8.2f}{size / best / 1e6:8.2f}{best / len(texts) * 1e3:10.3f}"


def cut(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text) - size + 1, size))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--set", default="synth_v2", choices=("synth_v2", "gen_large", "gen_small"))
    parser.add_argument("--model", type=Path)
    parser.add_argument("--show", type=int, default=0, help="how many findings in benign prompts to print")
    chosen = parser.parse_args()
    sequence = SequenceDetector(chosen.model.read_bytes()) if chosen.model else SequenceDetector.packaged()
    every = SequenceDetector(chosen.model.read_bytes(), kinds=ALL_KINDS) if chosen.model else SequenceDetector.packaged(kinds=ALL_KINDS)
    rows = read(chosen.set)
    report(measured(rows, (StructuredDetector(), sequence)))
    print("\nwith titles of jobs told as well:")
    report(measured(rows, (StructuredDetector(), every)))
    if chosen.set == "synth_v2":
        others = {normal(row) for name in ("gen_large", "gen_small") for row in read(name)}
        print("\nonly templates that the other two sets (looked at while developing) do not hold:")
        report(measured((row for row in rows if normal(row) not in others), (StructuredDetector(), sequence)))
    benign(sequence, show=chosen.show)
    dense = "\n".join(row["text"] for row in rows)
    prose = "\n".join(path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parents[2] / "docs").rglob("*.md")))
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parents[2] / "src").rglob("*.py")))
    print(f"\nspeed of the sequence model, CPU time of the process\n{'text':14}{'cold MB/s':>10}{'warm':>6}{'ms per text':>12}")
    for name, text in (("prose 2 kB", prose), ("code 2 kB", code), ("personal 2 kB", dense)):
        print(f"{name:14}{speed((sequence,), list(cut(text, 2000))[:60])}")
    print(f"{'prose 4 kB':14}{speed((sequence,), list(cut(prose, 4000))[:30])}")


if __name__ == "__main__":
    main()
