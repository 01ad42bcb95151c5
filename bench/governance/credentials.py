"""
Secrets, source code, terms of health, fingerprints: quality where there are labels, false alarms on benign prompts, and speed.

The figure for secrets in repositories that the weights never saw is made by `scripts/train_secrets.py` (folds by repository, thresholds chosen inside)
and stands in the provenance of the weights; it is repeated here. Beside it stands detect-secrets on the same lines, if it is installed.

Run: `python bench/governance/secrets.py [--show]` (data from `POINTSMAN_DATA`, default `../shared/data` beside the repository).
"""

import importlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from pointsman.governance.detection.fingerprints import Fingerprints
from pointsman.governance.detection.health import HealthTerms, with_person
from pointsman.governance.detection.secrets import SecretDetector
from pointsman.governance.detection.source_code import SourceCodeDetector
from pointsman.governance.finding import Finding

ROOT = Path(__file__).parent.parent.parent
DATA = Path(os.environ.get("POINTSMAN_DATA", ROOT.parent / "shared" / "data"))
Find = Callable[[str], Iterable[Finding]]
Span = tuple[int, int]

sys.path.insert(0, str(ROOT / "scripts"))
training: Any = importlib.import_module("train_secrets")


def rows(*parts: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in DATA.joinpath(*parts).read_text(encoding="utf-8").splitlines()]


def pieces_of(kind: str) -> list[str]:
    """Return pieces of 4 kB: prose from our documents and the benign prompts, code from our own source."""
    if kind == "code":
        whole = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.py")))
    else:
        whole = "\n".join(row["text"] for row in rows("injection", "benign_prompts", "data.jsonl")).encode("ascii", "ignore").decode()
        whole += "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md")))
    return [whole[at : at + 4096] for at in range(0, min(len(whole), 1_000_000) - 4096, 4096)]


def speed(find: Find, texts: list[str]) -> tuple[float, float]:
    """Return MB/s and the 99th percentile in ms of one text, in time of the processor, the best of three passes."""
    best, slow = 0.0, 1e9
    for _ in range(3):
        took: list[float] = []
        for text in texts:
            start = time.process_time()
            for _finding in find(text):
                pass
            took.append(time.process_time() - start)
        best = max(best, sum(map(len, texts)) / sum(took) / 1e6)
        slow = min(slow, sorted(took)[int(len(took) * 0.99)] * 1e3)
    return best, slow


def detect_secrets() -> Callable[[str], list[Span]] | None:
    """Return the scan of detect-secrets with its defaults, as spans; None where it is not installed."""
    try:
        scan: Any = importlib.import_module("detect_secrets.core.scan")
        settings: Any = importlib.import_module("detect_secrets.settings")
    except ImportError:
        return None
    folder = Path(tempfile.mkdtemp())

    def find(text: str) -> list[Span]:
        path = folder / "text.txt"
        path.write_text(text, encoding="utf-8")
        starts = [0, *(found.end() for found in re.finditer("\n", text))]
        with settings.default_settings():
            found = [(starts[one.line_number - 1], one.secret_value or "") for one in scan.scan_file(str(path))]
        places = [(text.find(value, start), len(value)) for start, value in found]
        return sorted({(at, at + size) for at, size in places if at >= 0 and size})

    return find


def quality(name: str, find: Callable[[str], list[Span]], *, show: bool) -> None:
    lines = training.lines_of(DATA / "secrets" / "credential_lines.jsonl")
    tally = training.Tally()
    for line in lines:
        tally.add(line, find(line.text))
    cases = rows("secrets", "rule_cases", "cases.jsonl")
    hit = [bool(find(case["text"])) for case in cases]
    right = sum(found for found, case in zip(hit, cases, strict=True) if case["label"])
    benign = [row["text"] for row in rows("injection", "benign_prompts", "data.jsonl")]
    alarmed = [text for text in benign if find(text)]
    print(f"{name}: labelled lines P {tally.precision:.3f} R {tally.recall:.3f} F2 {tally.f2:.3f}; rule cases P {right / sum(hit):.3f} ", end="")
    print(f"R {right / sum(case['label'] for case in cases):.3f}; benign prompts with an alarm {len(alarmed)} of {len(benign)}")
    if show:
        for found, case in zip(hit, cases, strict=True):
            if found != bool(case["label"]):
                print("  ", case["rule_file"], case["label"], re.sub(r"\s+", " ", case["text"])[:140])
        for text in alarmed:
            print("  ", [text[start:end] for start, end in find(text)], text[:80])


def main() -> None:
    show = "--show" in sys.argv
    secrets, code, health = SecretDetector(), SourceCodeDetector(), HealthTerms()
    weights = msgspec.json.decode((ROOT / "src/pointsman/governance/detection/data/secrets.json").read_bytes())
    print(re.findall(r"On repositories.*", weights["provenance"])[0])
    quality("ours (shipped weights, trained on these lines)", lambda text: [(one.start, one.end) for one in secrets.find(text)], show=show)
    other = detect_secrets()
    if other is None:
        print("detect-secrets: not installed")
    else:
        quality("detect-secrets, default", other, show=False)
    benign = [row["text"] for row in rows("injection", "benign_prompts", "data.jsonl")]
    raised = [with_person([list(health.find(text))], [text])[0] for text in benign]
    print(f"benign prompts with source code: {sum(bool(list(code.find(text))) for text in benign)} (all hold a block of code) of {len(benign)}")
    print(f"benign prompts with health data, no identifiers known: {sum(any(one.kind == 'health' for one in found) for found in raised)} of {len(benign)}")
    fingerprints = Fingerprints.of((path.name, "source_code", path.read_text(encoding="utf-8")) for path in (ROOT / "src").rglob("*.py"))
    print(f"fingerprints of our source: {len(fingerprints)}, {len(fingerprints.to_bytes())} bytes; benign prompts with an alarm: ", end="")
    print(sum(bool(list(fingerprints.find(text))) for text in benign))
    for kind in ("prose", "code"):
        for name, find in (("secrets", secrets.find), ("source code", code.find), ("health", health.find), ("fingerprints", fingerprints.find)):
            fast, slow = speed(find, pieces_of(kind))
            print(f"{name} on 4 kB of {kind}: {fast:.1f} MB/s, p99 {slow:.2f} ms")


if __name__ == "__main__":
    main()
