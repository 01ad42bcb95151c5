"""A block of code is found; a question about code, a line of it, or data is not."""

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.governance.detection.source_code import SourceCodeDetector

DETECTOR: Final = SourceCodeDetector()

PYTHON: Final = """\
from decimal import Decimal

def total(lines: list[Line]) -> Decimal:
    result = Decimal(0)
    for line in lines:
        result += line.price * line.count
    if result > LIMIT:
        raise TooMuch(result)
    return result
"""
GO: Final = """\
func (s *Store) Get(key string) (*Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item, ok := s.items[key]
	if !ok {
		return nil, ErrNotFound
	}
	return item, nil
}
"""
TYPESCRIPT: Final = """\
export class Basket {
  private items: Item[] = [];
  add(item: Item): void {
    this.items.push(item);
    this.changed.emit(item);
  }
  get total() {
    return this.items.reduce((sum, item) => sum + item.price, 0);
  }
}
"""
SQL: Final = """\
SELECT customer.id, sum(invoice.amount) AS owed
FROM invoice
JOIN customer ON customer.id = invoice.customer_id
WHERE invoice.paid_at IS NULL
GROUP BY customer.id
ORDER BY owed DESC
"""
C: Final = """\
#include <stdio.h>
static int step(struct state *s, int n) {
    if (n == 0) {
        return s->last;
    }
    s->last += n;
    return step(s, n - 1);
}
"""


@pytest.mark.parametrize("code", [PYTHON, GO, TYPESCRIPT, SQL, C], ids=["python", "go", "typescript", "sql", "c"])
def test_a_block_of_code_is_found_whole_and_without_the_words_around_it(code: str) -> None:
    text = f"Hello, can you look at this for me?\n\n{code}\nIt is slow on large days and I do not know why.\n"
    (finding,) = DETECTOR.find(text)
    assert finding.kind == finding.data_class == "source_code"
    first, last = code.strip().splitlines()[0], code.strip().splitlines()[-1]
    assert text[finding.start : finding.end].startswith(first)
    assert text[finding.start : finding.end].endswith(last)


def test_a_fence_makes_no_difference() -> None:
    assert len(list(DETECTOR.find(f"See:\n```python\n{PYTHON}```\n"))) == 1
    assert list(DETECTOR.find("See:\n```\nDear Ada,\nthank you for your letter.\nWe will answer it soon.\nYours,\nBob\n```\n")) == []


@pytest.mark.parametrize(
    "text",
    [
        "How do I sort a list in Python?",
        "What does `for x in range(10): print(x)` do?",
        "Explain this line:\n\nresult = [x for x in rows if x.ok]\n\nThank you, that would help me a lot with my homework and my exam next week.",
        "Write a function that returns the sum of two numbers; then write a test for it.\nUse Go.\nKeep it short.\nNo comments.\nThanks.\n",
        '{\n  "name": "Ada",\n  "city": "London",\n  "age": 36,\n  "tags": ["a", "b"],\n  "open": true,\n  "note": "first of her kind, by all accounts"\n}\n',
        "name: demo\nversion: 1\nsteps:\n  - check\n  - build\n  - ship\nowner: ada\nteam: engines\nplace: London\n" * 2,
        "1. Buy milk\n2. Call Bob\n3. Water the plants\n4. Read the report\n5. Write the answer\n6. Send it\n" * 2,
        "Dear team,\n\nWe met on Monday (all of us).\nThe plan stands: ship in May.\nThe budget does too.\nPlease read the notes;\nthey are short.\n\nAda\n",
    ],
)
def test_questions_lines_and_data_are_no_source_code(text: str) -> None:
    assert list(DETECTOR.find(text)) == []


def test_a_claim_of_ownership_makes_a_short_piece_one() -> None:
    piece = "int next(int n) {\n    return n + 1;\n}\n"
    claim = "// Copyright (c) Analytical Engines Ltd. All rights reserved. Proprietary and confidential, do not distribute.\n"
    assert list(DETECTOR.find(piece)) == []
    (finding,) = DETECTOR.find(claim + piece)
    assert finding.score > 0.9


def test_the_same_words_in_prose_claim_nothing() -> None:
    assert list(DETECTOR.find("This memo is confidential and proprietary.\nAll rights reserved.\nPlease do not distribute it.\n" * 3)) == []


def test_two_blocks_far_apart_are_two_findings() -> None:
    prose = "This is a sentence of plain words that says nothing of code at all.\n" * 8
    assert len(list(DETECTOR.find(PYTHON + prose + GO))) == 2


def test_own_source_is_found_nearly_whole() -> None:
    for path in sorted(Path("src/pointsman/pipeline").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 60:
            assert sum(finding.end - finding.start for finding in DETECTOR.find(text)) > 0.6 * len(text), path


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80), st.text(alphabet=" \n", max_size=4))
def test_code_is_found_after_any_words(before: str, gap: str) -> None:
    text = f"{before}{gap}\n{GO}"
    assert any(finding.end >= len(text) - 3 for finding in DETECTOR.find(text))
