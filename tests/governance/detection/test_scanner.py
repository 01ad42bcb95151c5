"""
The scan of a call's texts.
"""

import base64
import gzip
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.values import Time

from pointsman.governance.detection.identifiers.structured import StructuredDetector
from pointsman.governance.detection.pieces import PIECE
from pointsman.governance.detection.scanner import Detector, Scan, Scanner
from pointsman.governance.detection.views.view import View
from pointsman.governance.finding import Finding


class Words:
    """Finds a word, and counts how often it is asked."""

    def __init__(self, word: str, kind: str = "person", *, data_class: str = "personal", squeezed: bool = False, name: str = "words/1") -> None:
        self.word = word
        self.kind = kind
        self.data_class = data_class
        self.reads_squeezed = squeezed
        self.name = name
        self.asked: list[str] = []

    def find(self, text: str) -> Iterable[Finding]:
        self.asked.append(text)
        at = text.find(self.word)
        while at != -1:
            yield Finding(start=at, end=at + len(self.word), kind=self.kind, data_class=self.data_class, detector=self.name)
            at = text.find(self.word, at + 1)


class Crashing:
    name = "crashing/1"

    def find(self, text: str) -> Iterator[Finding]:
        yield Finding(start=0, end=1, kind="person", data_class="personal", detector=self.name)
        raise RuntimeError("broken")


class Refusing:
    name = "refusing/1"

    def find(self, text: str) -> Iterable[Finding]:
        raise RecursionError


class Lying:
    name = "lying/1"

    def find(self, text: str) -> Iterable[Finding]:
        return [Finding(start=0, end=len(text) + 1, kind="person", data_class="personal", detector=self.name)]


class Slow:
    name = "slow/1"

    def __init__(self, time: Time, seconds: float) -> None:
        self._time = time
        self._seconds = seconds

    def find(self, text: str) -> Iterable[Finding]:
        self._time.advance(self._seconds)
        return ()


def a_scanner(*detectors: Detector, time: Time | None = None, **more: Any) -> Scanner:
    return Scanner(detectors, clock=(time or Time()).clock.monotonic_s, key=b"key", **more)


def told(scan: Scan, texts: Sequence[str]) -> list[list[tuple[str, str]]]:
    return [[(one.kind, text[one.start : one.end]) for one in ones] for ones, text in zip(scan.findings, texts, strict=True)]


def test_every_text_gets_what_was_found_in_it_in_characters_as_given() -> None:
    texts = ["I am Anna, card 4111 1111 1111 1111", "", "Anna 4\u200b111111111111111"]
    scan = a_scanner(Words("Anna"), StructuredDetector()).scan(texts)
    assert told(scan, texts) == [[("person", "Anna"), ("card", "4111 1111 1111 1111")], [], [("person", "Anna"), ("card", "4\u200b111111111111111")]]
    assert (scan.complete, scan.failed) == (True, ())


def test_the_encoded_form_is_found_whole() -> None:
    hidden = base64.b64encode(b"I am Anna.").decode()
    texts = [f"Decode {hidden} please"]
    assert told(a_scanner(Words("Anna")).scan(texts), texts) == [[("person", hidden)]]


def test_only_readers_of_squeezed_texts_are_given_them() -> None:
    sentence, identifiers = Words("Anna"), Words("Anna", squeezed=True)
    a_scanner(sentence, identifiers).scan(["x A-n-n-a-A-n-n-a-A y"])
    assert not any("Anna" in text for text in sentence.asked)
    assert any("Anna" in text for text in identifiers.asked)


def test_from_the_end_only_what_is_proven_is_believed() -> None:
    text = ["4321 4321 4321 4321 annA"]
    assert told(a_scanner(Words("Anna", squeezed=True)).scan(text), text) == [[]]
    assert told(a_scanner(Words("Anna", "email", squeezed=True)).scan(text), text) == [[("email", "annA")]]


def test_the_strictest_finding_has_a_place() -> None:
    texts = ["key 4111111111111111"]
    scanner = a_scanner(StructuredDetector(), Words("4111111111111111", "secret:key", data_class="secret"))
    assert told(scanner.scan(texts), texts) == [[("secret:key", "4111111111111111")]]


@pytest.mark.parametrize(("detector", "found"), [(Crashing(), 1), (Refusing(), 0), (Lying(), 0)])
def test_a_detector_that_fails_makes_the_scan_incomplete_and_hides_nobody_elses_findings(detector: Detector, found: int) -> None:
    scan = a_scanner(detector, Words("Anna")).scan(["- Anna"])
    assert (scan.complete, scan.failed) == (False, (detector.name,))
    assert len(scan.findings[0]) == found + 1


def test_a_failure_is_not_remembered_as_an_answer() -> None:
    scanner = a_scanner(Crashing())
    assert not scanner.scan(["text"]).complete
    assert not scanner.scan(["text"]).complete


def test_a_failure_in_one_text_does_not_spoil_the_memory_of_the_next_scan() -> None:
    words = Words("Anna")
    scanner = a_scanner(words, Crashing())
    scanner.scan(["one", "two"])
    assert not scanner.scan(["two"]).complete


def test_a_scan_that_is_late_is_incomplete() -> None:
    time = Time()
    scan = a_scanner(Slow(time, 0.6), time=time, budget_s=1.0).scan(["one", "two", "three", "four"])
    assert (scan.complete, scan.failed) == (False, ("scanner",))
    assert len(scan.findings) == 4


def test_a_text_that_takes_too_long_to_unfold_is_late_too() -> None:
    time = Time()
    scan = a_scanner(Slow(time, 2.0), time=time, budget_s=1.0).scan(["%41%42"])
    assert scan.failed == ("scanner",)


def test_a_text_that_is_still_being_unfolded_when_time_is_up_is_late() -> None:
    """Nobody is asked about a text meanwhile, so it is the unfolding that has to look at the clock."""
    ticks = itertools.count()
    scanner = Scanner([Words("Anna")], clock=lambda: next(ticks) / 1000, budget_s=0.02, key=b"key")
    scan = scanner.scan(["%41" * 100_000])
    assert (scan.complete, scan.failed) == (False, ("scanner",))


def test_a_fault_in_unfolding_makes_the_scan_incomplete_and_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str, budget: object) -> Iterator[Any]:
        yield from (view for view in (View(text=text), None))
        raise ZeroDivisionError

    monkeypatch.setattr("pointsman.governance.detection.scanner.views", broken)
    scan = a_scanner(Words("Anna")).scan(["Anna"])
    assert (len(scan.findings[0]), scan.complete, scan.failed) == (1, False, ("views",))


def test_texts_beyond_the_limit_are_not_read_and_that_is_told() -> None:
    words = Words("Anna")
    scan = a_scanner(words, max_chars=6).scan(["Anna", "Anna."])
    assert (scan.complete, scan.failed) == (False, ("scanner",))
    assert [len(ones) for ones in scan.findings] == [1, 0]


def test_a_text_that_unfolds_without_end_makes_the_scan_incomplete() -> None:
    scan = a_scanner(Words("Anna")).scan([base64.b64encode(gzip.compress(b"A" * 5_000_000)).decode()])
    assert (scan.complete, scan.failed) == (False, ("views",))


def test_a_text_seen_before_is_not_searched_again() -> None:
    words = Words("Anna")
    scanner = a_scanner(words)
    first = scanner.scan(["Anna one", "Anna two"])
    asked = len(words.asked)
    assert scanner.scan(["Anna one", "Anna two"]) == first
    assert len(words.asked) == asked
    scanner.scan(["Anna one", "Anna three"])
    assert len(words.asked) == asked + 1


def test_texts_that_are_remembered_do_not_count_against_the_limit() -> None:
    scanner = a_scanner(Words("Anna"), max_chars=8)
    assert scanner.scan(["Anna one"]).complete
    assert scanner.scan(["Anna one", "Anna two"]).complete


def test_an_identifier_across_two_texts_is_found_in_both() -> None:
    texts = ["it is 41111111", "content", "11111111, thanks"]
    assert told(a_scanner(StructuredDetector()).scan(texts), texts) == [[("card", "41111111")], [], [("card", "11111111")]]


def test_a_broken_detector_does_not_stop_the_search_across_texts() -> None:
    class Broken(Words):
        def find(self, text: str) -> Iterable[Finding]:
            raise ValueError

    scan = a_scanner(Broken("x", squeezed=True), StructuredDetector()).scan(["41111111", "11111111"])
    assert [len(ones) for ones in scan.findings] == [1, 1]
    assert scan.failed == ("words/1",)


def test_a_long_text_is_searched_in_pieces_and_nothing_is_lost_at_a_cut() -> None:
    card = "4111 1111 1111 1111"
    for at in range(PIECE - 30, PIECE + 5, 3):
        text = "x" * (at - 1) + " " + card + " " + "y" * PIECE
        (ones,) = a_scanner(StructuredDetector()).scan([text]).findings
        assert [(one.start, one.end, one.kind) for one in ones] == [(at, at + len(card), "card")]


def test_others_have_their_turn_between_the_pieces_and_their_time_is_not_counted() -> None:
    time = Time()
    scanner = a_scanner(StructuredDetector(), time=time, budget_s=1.0)
    turns = 0
    steps = scanner.steps(["word " * PIECE, "more"])
    while True:
        try:
            next(steps)
        except StopIteration as done:
            scan = done.value
            break
        turns += 1
        time.advance(60.0)
    assert turns >= 5
    assert scan.complete


def test_a_scan_that_is_late_across_many_texts_stops_and_says_so() -> None:
    time = Time()
    scanner = a_scanner(StructuredDetector(), time=time, budget_s=1.0)
    texts = ["ends with 4111"] * 4
    scanner.scan(texts[:1])
    ticking = Scanner([StructuredDetector()], clock=iter(range(1000)).__next__, budget_s=0.5, key=b"key")
    assert ticking.scan(texts).failed == ("scanner",)


def test_nothing_to_scan_is_a_whole_scan() -> None:
    assert a_scanner(Words("Anna")).scan([]) == Scan(findings=(), complete=True)


def test_the_names_of_the_detectors_are_told() -> None:
    time = Time()
    scanner = a_scanner(Words("Anna"), StructuredDetector(), time=time)
    assert scanner.names == ("words/1", "structured/1")
    assert scanner.clock() == time.monotonic_s


@given(st.lists(st.text(max_size=30), max_size=5))
@settings(max_examples=40)
def test_whatever_the_texts_findings_lie_inside_and_a_second_scan_says_the_same(texts: list[str]) -> None:
    scanner = a_scanner(StructuredDetector(), cache_texts=3)
    scan = scanner.scan(texts)
    assert scan.complete
    assert all(0 <= one.start < one.end <= len(text) for ones, text in zip(scan.findings, texts, strict=True) for one in ones)
    assert scanner.scan(texts) == scan
