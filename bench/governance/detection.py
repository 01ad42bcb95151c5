"""
How well and how fast identifiers are found: on labelled texts, under disguises, on benign prompts.

    python bench/governance/detection.py

- Labelled: `personal_data/{synth_v2,gen_large}`; nothing is trained. A gold span is hit if a finding of the same kind covers at least half of its
  characters; a finding is right if it covers at least half of some gold span of its kind or half of it lies in one. `gen_large` is for development.
- Disguises: 100 values each with right checksums × 4 carrier sentences; missed unless a finding of the kind covers half of the disguised form.
- Benign: `injection/benign_prompts` without its `valid` part; a prompt counts if a class is found that changes the way of a call.
- Speed: CPU of one core, the detector alone and the whole scanner with nothing remembered, over pieces of 4 kB of prose and code.
"""

import itertools
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.governance.detection import disguises  # noqa: E402

from pointsman.governance.detection.identifiers.structured import StructuredDetector  # noqa: E402
from pointsman.governance.detection.scanner import Scanner  # noqa: E402
from pointsman.governance.detection.views.budget import Budget  # noqa: E402
from pointsman.governance.detection.views.unfold import views  # noqa: E402
from pointsman.governance.finding import Finding  # noqa: E402 - the path comes first

DATA = Path(os.environ.get("POINTSMAN_DATA", ROOT.parent / "shared" / "data"))
GOLD = {
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "EMAIL_ADDRESS": "email",
    "US_SSN": "ssn",
    "IP_ADDRESS": "ip",
    "DOMAIN_NAME": "url",
    "PHONE_NUMBER": "phone",
    "US_DRIVER_LICENSE": "licence",
    "AGE": "age",
}
FIGURE = ("card", "iban", "email", "ssn", "ip", "url")
CHANGES_ROUTE = frozenset({"financial", "health", "source_code", "secret", "legal", "restricted", "confidential"})
PIECE = 4096


def a_scanner(*, cache_texts: int = 0) -> Scanner:
    return Scanner([StructuredDetector()], clock=time.perf_counter, budget_s=30.0, max_chars=50_000_000, cache_texts=cache_texts, key=b"bench" * 4)


def rows(path: str) -> Iterator[dict[str, Any]]:
    with (DATA / path).open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def covered(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def labelled(name: str, *, verbose: bool) -> None:
    scanner = a_scanner()
    hits, gold_count, right, found_count = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for row in rows(f"personal_data/{name}.jsonl"):
        text = row["text"]
        gold = [(start, end, GOLD.get(kind, kind)) for start, end, kind in row["spans"]]
        findings = scanner.scan([text]).findings[0]
        for start, end, kind in gold:
            gold_count[kind] += 1
            hit = any(found.kind == kind and 2 * covered((start, end), (found.start, found.end)) >= end - start for found in findings)
            hits[kind] += hit
            if verbose and not hit and kind in FIGURE:
                print("   missed", kind, repr(text[max(0, start - 30) : end + 10]))
        for found in findings:
            size = found.end - found.start
            good = any(found.kind == kind and 2 * covered((start, end), (found.start, found.end)) >= min(size, end - start) for start, end, kind in gold)
            found_count[found.kind] += 1
            right[found.kind] += good
            if verbose and not good and found.kind in FIGURE:
                print("   wrong", found.kind, repr(text[max(0, found.start - 30) : found.end + 10]))
    print(f"\n{name}: gold spans, recall, precision")
    for kind in (*FIGURE, "phone", "licence", "age"):
        if gold_count[kind] or found_count[kind]:
            print(f"  {kind:12} {gold_count[kind]:5} {hits[kind] / max(1, gold_count[kind]):7.4f} {right[kind] / max(1, found_count[kind]):7.4f}")
    whole = [sum(counter[kind] for kind in FIGURE) for counter in (hits, gold_count, right, found_count)]
    print(f"  {'all six':12} {whole[1]:5} {whole[0] / whole[1]:7.4f} {whole[2] / whole[3]:7.4f}")
    print("  other kinds:", dict(found_count - Counter({kind: found_count[kind] for kind in (*FIGURE, "phone", "licence", "age")})))


def missed(scanner: Scanner, kind: str, disguised: str) -> bool:
    parts = disguised.split("\0")
    findings = scanner.scan(parts).findings
    seen = sum(covered((found.start, found.end), (0, len(part))) for part, some in zip(parts, findings, strict=True) for found in some if found.kind == kind)
    return not seen


def obfuscated(title: str, table: Mapping[str, Callable[[str], str]]) -> None:
    print(f"\n{title}: missed of 100 values, by kind")
    scanner = a_scanner()
    total = tries = 0
    for name, disguise in table.items():
        counts: dict[str, int] = {}
        for kind, make in disguises.MAKERS.items():
            chance = random.Random(f"{name}/{kind}")
            carriers = itertools.cycle(disguises.CARRIERS)
            counts[kind] = sum(missed(scanner, kind, carry(next(carriers), disguise(make(chance)))) for _ in range(100))
        total += sum(counts.values())
        tries += 100 * len(counts)
        print(f"  {name:24}", *(f"{kind} {count:3}" for kind, count in counts.items()))
    print(f"  missed in all: {total} of {tries} = {100 * total / tries:.2f} %")


def carry(carrier: str, disguised: str) -> str:
    """Put it into a sentence; of two messages, the first ends and the second begins with it."""
    if "\0" not in disguised:
        return carrier.replace("{}", disguised)
    before, after = carrier.split("{}")
    first, second = disguised.split("\0")
    return f"{before}{first}\0{second}{after}"


def benign(*, verbose: bool) -> None:
    scanner = a_scanner()
    prompts = [row["text"] for row in rows("injection/benign_prompts/data.jsonl") if row["set"] != "valid"]
    kinds: Counter[str] = Counter()
    changed = 0
    for text in prompts:
        findings = scanner.scan([text]).findings[0]
        kinds.update({found.kind for found in findings})
        changed += any(found.data_class in CHANGES_ROUTE for found in findings)
        if verbose:
            print(*(f"   {found.kind}: {text[max(0, found.start - 20) : found.end + 10]!r}" for found in findings if found.kind != "url"), sep="\n")
    print(f"\nbenign prompts: {len(prompts)}, route changed: {changed} = {1000 * changed / len(prompts):.1f} in 1,000; prompts with a finding: {dict(kinds)}")


def pieces_of(text: str) -> list[str]:
    return [text[at : at + PIECE] for at in range(0, len(text) - PIECE, PIECE)]


def speed() -> None:
    prose = "\n".join(row["text"] for name in ("synth_v2", "gen_large") for row in rows(f"personal_data/{name}.jsonl"))
    prompts = "\n".join(row["text"] for row in rows("injection/benign_prompts/data.jsonl"))
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.py")))
    detector = StructuredDetector()
    print("\nspeed, 4 kB pieces, CPU          MB/s   p50 ms   p99 ms   max ms")
    for name, text in (("prose full of identifiers", prose), ("prose (prompts)", prompts), ("prose (prompts, ASCII)", ascii_of(prompts)), ("code", code)):
        for who, run in (("detector", lambda piece: list[Finding](detector.find(piece))), ("scanner", fresh())):
            timed(f"{name}, {who}", pieces_of(text), run)


def ascii_of(text: str) -> str:
    return text.encode("ascii", "ignore").decode()


def fresh() -> Callable[[str], object]:
    scanner = a_scanner()
    return lambda piece: scanner.scan([piece])


def timed(name: str, parts: list[str], run: Callable[[str], object]) -> None:
    for part in parts[:20]:
        run(part)
    spent: list[float] = []
    for part in parts:
        best = min(once(run, part) for _ in range(3))
        spent.append(best)
    spent.sort()
    size = sum(len(part.encode()) for part in parts)
    print(
        f"  {name:38}{size / sum(spent) / 1e6:6.1f}", *(f"{1000 * value:8.3f}" for value in (spent[len(spent) // 2], spent[int(len(spent) * 0.99)], spent[-1]))
    )


def once(run: Callable[[str], object], part: str) -> float:
    start = time.process_time()
    run(part)
    return time.process_time() - start


HOSTILE = (
    "1 ",
    "12 ",
    "&#52;",
    "%41",
    "\\u0041",
    "4\u200b",
    "\uff14",
    "\u0412E",
    "four ",
    "[at] a",
    "a@",
    "a.a.",
    "1.1.1.1.",
    "1234\n",
    "joe@a.de ",
    "\U000e0041",
    "52 49 ",
    "A1bcdefghijk ",
)


def hostile() -> None:
    print("\nhostile texts of 200,000 characters of one unit: CPU s, the longest step in ms")
    worst: list[tuple[float, float, str]] = []
    for unit in HOSTILE:
        text = (unit * 200_000)[:200_000]
        begun = last = time.process_time()
        longest = 0.0
        for _ in a_scanner().steps([text]):
            now = time.process_time()
            longest, last = max(longest, now - last), now
        worst.append((time.process_time() - begun, 1000 * longest, unit))
    for spent, longest, unit in sorted(worst, reverse=True)[:6]:
        print(f"  {unit!r:16} {spent:6.2f} {longest:7.1f}")


def fuzz(count: int) -> None:
    """Texts made of disguised and plain parts: every part of every form has to lead back into the text, and nothing may raise."""
    chance = random.Random(11)
    ways = [*disguises.DISGUISES.values(), *disguises.MORE.values()]
    parts = ["4111111111111111", "joe@example.com", "DE89370400440532013000", "460-89-9847", "é 漢", "", "one two three four", "%", "&#", "\\u", "A" * 30]
    seen = 0
    for _ in range(count):
        text = "".join(chance.choice(ways)(chance.choice(parts)) if chance.random() < 0.5 else chance.choice(parts) for _ in range(8))[
            : chance.randrange(1, 300)
        ]
        for view in views(text, Budget(characters=10**6)):
            if view and view.text:
                start = chance.randrange(len(view.text))
                begin, end = view.origin(start, chance.randrange(start + 1, len(view.text) + 1))
                assert 0 <= begin < end <= len(text)
                seen += 1
    print(f"\nfuzz: {count} texts, {seen} forms, none raised or led outside its text")


def body() -> None:
    prompts = "\n".join(row["text"] for row in rows("injection/benign_prompts/data.jsonl"))
    text = (prompts * 10)[:1_000_000]
    begun = last = time.process_time()
    longest = 0.0
    for _ in a_scanner().steps([text]):
        now = time.process_time()
        longest, last = max(longest, now - last), now
    print(f"\none body of 1 MB: {time.process_time() - begun:.3f} s, longest step {1000 * longest:.1f} ms")
    texts = [prompts[at : at + 2000] for at in range(0, 200_000, 2000)]
    scanner = a_scanner(cache_texts=1000)
    scanner.scan(texts)
    begun = time.process_time()
    scanner.scan(texts)
    print(f"a history of 100 texts of 2 kB seen before: {1000 * (time.process_time() - begun):.2f} ms")


def main() -> None:
    verbose = "-v" in sys.argv
    labelled("gen_large", verbose=verbose)
    labelled("synth_v2", verbose=verbose)
    benign(verbose=verbose)
    obfuscated("21 disguises", disguises.DISGUISES)
    obfuscated("further disguises", disguises.MORE)
    speed()
    body()
    hostile()
    fuzz(10_000)


if __name__ == "__main__":
    main()
