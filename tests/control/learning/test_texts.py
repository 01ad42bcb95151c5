"""
Learning to judge answers from what is kept of calls: read once, newest first, and only where somebody judged.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from tests.ledger.entries import a_record
from tests.storage.databases import each_database, each_place

from pointsman.control.learning.evidence import Given
from pointsman.control.learning.texts import MOST, heard_in, question_in, verifiers
from pointsman.core.routing import Weighed
from pointsman.decision.answers.verifier import Verifier
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.values import Label, Prompt
from pointsman.storage.batch import Batch
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]


@pytest.mark.parametrize(
    ("request_", "question"),
    [
        ({"messages": [{"role": "user", "content": "first"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "last"}]}, "last"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "seen"}, {"type": "image_url", "image_url": {"url": "x"}}]}]}, "seen"),
        ({"input": "plain"}, "plain"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "typed"}]}]}, "typed"),
        ({"contents": [{"parts": [{"text": "one"}, {"text": "two"}]}]}, "one\ntwo"),
        ({"messages": [{"role": "system", "content": "rules"}]}, ""),
        ({"messages": 3}, ""),
        ([1, 2], ""),
        ({}, ""),
    ],
)
def test_the_question_is_the_last_text_of_the_user_in_every_dialect(request_: Any, question: str) -> None:
    assert question_in(msgspec.json.encode(request_)) == question


def test_what_is_no_json_asks_nothing() -> None:
    assert question_in(b"{broken") == ""


def a_label(number: int, *, score: float | None, capability: str = "triage", **others: float) -> Given:
    return Given(call_id=f"c{number}", label=Label(prompt=Prompt(capability=capability), target="small", score=score, at_ms=number), others=others)


def asked(text: str) -> bytes:
    return msgspec.json.encode({"messages": [{"role": "user", "content": text}]})


def test_who_judges_learns_from_what_was_said_of_judged_answers() -> None:
    given = [a_label(number, score=float(number % 2)) for number in range(120)]
    read: list[str] = []

    def said(call_id: str) -> tuple[bytes, str]:
        read.append(call_id)
        number = int(call_id[1:])
        return asked(f"What is the total of order {number}?"), "The total is 12." if number % 2 else "I am not sure, I cannot find it."

    found = verifiers(
        Parameters(), [*given, a_label(500, score=None), a_label(501, score=1.0, capability="other")], capabilities={"triage": "large"}, said=said
    )

    judge = Verifier(found["triage"])
    question = "What is the total of order 7?"
    good, bad = (judge.right(question, answer, evidence={}, prior=0.5)[0] for answer in ("The total is 12.", "I am not sure, I cannot find it."))
    assert good > bad + 0.2
    assert read == [f"c{number}" for number in reversed(range(120))]


def test_who_judges_learns_too_from_what_was_heard_of_answers_as_far_as_labels_bear_it_out() -> None:
    """One judge knows, another one grades at random: all answers read the same."""
    given = [a_label(number, score=float(number % 2)) for number in range(160)]

    def heard(call_id: str, target: str) -> dict[str, float]:
        number = int(call_id[1:])
        assert target == "small"
        return {"judged": 0.8 if number % 2 else 0.3, "agrees": float(number // 2 % 2)}

    found = verifiers(Parameters(), given, capabilities={"triage": "large"}, said=lambda _: (asked("What is the total?"), "The total is 12."), heard=heard)
    judge = Verifier(found["triage"])

    def believed(**evidence: float) -> float:
        return judge.right("What is the total?", "The total is 12.", evidence=evidence, prior=0.5)[0]

    assert believed(judged=0.8, agrees=0.5) > believed(judged=0.3, agrees=0.5) + 0.5
    assert abs(believed(judged=0.8, agrees=1.0) - believed(judged=0.8, agrees=0.0)) < 0.2


def ahead(found: Mapping[str, bytes], answer: str) -> float | None:
    return Verifier(found["triage"]).onward("What is the total?", answer, evidence={}, prior=0.5)


def test_what_the_incumbent_makes_of_a_prompt_is_learned_where_it_was_asked_beside() -> None:
    """Of the answers that are bad, half are to prompts that nobody gets right, and look so; other targets than the incumbent teach nothing of it."""
    words = ("The total is 12.", "Perhaps it is 12.", "The order names no total.")

    def said(call_id: str) -> tuple[bytes, str]:
        return asked("What is the total?"), words[int(call_id[1:]) % 3]

    given = [a_label(number, score=float(number % 3 == 0), large=float(number % 3 < 2)) for number in range(90)]
    found = verifiers(Parameters(), given, capabilities={"triage": "large"}, said=said)
    assert Verifier(found["triage"]).next_target == "large"
    able, unable = (ahead(found, answer) for answer in words[1:])
    assert able is not None
    assert unable is not None
    assert able > unable + 0.5

    other = verifiers(Parameters(), given[:30], capabilities={"triage": "medium"}, said=said)
    assert (ahead(other, words[1]), Verifier(other["triage"]).next_target) == (None, "")


def test_what_was_heard_of_an_answer_stands_beside_its_choice(each_database: Database) -> None:
    seen: dict[str, Any] = {"quality": 0.8, "low": 0.7, "high": 0.9, "cost_nano_usd": 1, "latency_ms": None, "value_nano_usd": 2}
    weighed = (Weighed(target="small", evidence={"judged": 0.7}, **seen), Weighed(target="large", **seen))
    write_batch(each_database, Batch(records=[a_record(1, weighed=weighed), a_record(2)]))
    heard = heard_in(each_database)
    known, unknown = (row["call_id"] for row in each_database.rows("SELECT call_id FROM decision ORDER BY call_id"))
    assert [heard(call_id, target) for call_id, target in ((known, "small"), (known, "large"), (known, "nobody"), (unknown, "small"), ("gone", "small"))] == [
        {"judged": 0.7},
        *[{}] * 4,
    ]


def test_where_nothing_can_be_read_whoever_judged_before_stays() -> None:
    before = Parameters(verifiers={"triage": b"learned before", "other": b"another"})
    given = [a_label(number, score=1.0) for number in range(30)]
    assert verifiers(before, given, capabilities={"triage": "large"}, said=lambda _: None) == before.verifiers
    assert verifiers(before, given, capabilities={"triage": "large"}, said=lambda _: (b"", "an answer")) == before.verifiers


def test_of_very_many_only_some_are_read() -> None:
    read: list[str] = []

    def said(call_id: str) -> tuple[bytes, str]:
        read.append(call_id)
        return asked("?"), "yes"

    verifiers(Parameters(), [a_label(number, score=1.0) for number in range(MOST + 5)], capabilities={"triage": "large"}, said=said)
    assert len(read) == MOST
