"""
Secrets: quality on unseen repositories is printed by `scripts/train_secrets.py`; here the rule cases, false alarms on benign prompts, and speed.

Run: `python bench/governance/secrets.py` (data from `POINTSMAN_DATA`, default `../shared/data` beside the repository).
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from pointsman.core.finding import Finding
from pointsman.governance.detection.secrets import SecretDetector

ROOT = Path(__file__).parent.parent.parent
DATA = Path(os.environ.get("POINTSMAN_DATA", ROOT.parent / "shared" / "data"))
Find = Callable[[str], Iterable[Finding]]


def rows(*parts: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in DATA.joinpath(*parts).read_text(encoding="utf-8").splitlines()]


def texts_of(kind: str) -> list[str]:
    """Return pieces of 4 kB: prose from our documents and the benign prompts, code from our own source."""
    if kind == "code":
        whole = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.py")))
    else:
        whole = "\n".join(str(row["text"]) for row in rows("injection", "benign_prompts", "data.jsonl")).encode("ascii", "ignore").decode()
        whole += "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md")))
    return [whole[at : at + 4096] for at in range(0, min(len(whole), 1_000_000) - 4096, 4096)]


def speed(find: Find, texts: list[str]) -> tuple[float, float]:
    """Return MB/s and the 99th percentile in ms of one text, in time of the processor, the best of three passes."""
    best, slow = 0.0, 1e9
    for _ in range(3):
        took = []
        for text in texts:
            start = time.process_time()
            for _finding in find(text):
                pass
            took.append(time.process_time() - start)
        best = max(best, sum(map(len, texts)) / sum(took) / 1e6)
        slow = min(slow, sorted(took)[int(len(took) * 0.99)] * 1e3)
    return best, slow


def main() -> None:
    show = "--show" in sys.argv
    detector = SecretDetector()
    cases = rows("secrets", "rule_cases", "cases.jsonl")
    hit = [bool(list(detector.find(str(case["text"])))) for case in cases]
    positive = [found for found, case in zip(hit, cases, strict=True) if case["label"]]
    negative = [found for found, case in zip(hit, cases, strict=True) if not case["label"]]
    right, wrong = sum(positive), sum(negative)
    print(f"rule cases: P {right / (right + wrong):.3f} R {right / len(positive):.3f}  ({right} of {len(positive)} found, {wrong} of {len(negative)} wrongly)")
    if show:
        for found, case in zip(hit, cases, strict=True):
            if found != bool(case["label"]):
                print("  ", case["rule_file"], case["label"], re.sub(r"\s+", " ", str(case["text"]))[:140])
    benign = [str(row["text"]) for row in rows("injection", "benign_prompts", "data.jsonl")]
    alarmed = [text for text in benign if list(detector.find(text))]
    print(f"benign prompts: {len(alarmed)} of {len(benign)} with an alarm ({1000 * len(alarmed) / len(benign):.1f} in 1,000)")
    if show:
        for text in alarmed:
            print("  ", [(text[f.start : f.end], f.score) for f in detector.find(text)], text[:80])
    for kind in ("prose", "code"):
        fast, slow = speed(detector.find, texts_of(kind))
        print(f"speed on 4 kB of {kind}: {fast:.1f} MB/s, p99 {slow:.2f} ms")


if __name__ == "__main__":
    main()
