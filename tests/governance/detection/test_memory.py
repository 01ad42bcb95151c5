"""
What was found before.
"""

from pointsman.governance.detection.memory import Memory
from pointsman.governance.finding import Finding

FOUND = (Finding(start=0, end=1, kind="email", data_class="personal", detector="test/1"),)


def test_a_text_that_was_seen_is_remembered_until_others_are_asked_for_more_recently() -> None:
    memory = Memory(size=2, key=b"k")
    for text in ("a", "b"):
        memory.keep(memory.digest(text), FOUND)
    assert memory.recall(memory.digest("a")) == FOUND
    memory.keep(memory.digest("c"), ())
    assert memory.recall(memory.digest("b")) is None
    assert memory.recall(memory.digest("a")) == FOUND
    assert memory.recall(memory.digest("c")) == ()


def test_a_memory_of_no_size_keeps_nothing() -> None:
    memory = Memory(size=0, key=b"k")
    memory.keep(memory.digest("a"), FOUND)
    assert memory.recall(memory.digest("a")) is None


def test_a_text_is_known_by_a_hash_that_needs_the_key() -> None:
    assert Memory(size=1, key=b"k").digest("a") == Memory(size=1, key=b"k").digest("a") != Memory(size=1, key=b"other").digest("a")
    assert Memory(size=1, key=b"k").digest("\ud800") != Memory(size=1, key=b"k").digest("?")
