"""
A round of learning where prompts were looked at in more than one way: what was seen in another way teaches nothing of prompts, and is counted.
"""

import numpy as np
from msgspec.structs import replace

from pointsman.control.learning.evidence import Evidence
from pointsman.control.learning.learn import learn
from pointsman.control.learning.version import Seen
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.table import WIDTH, Table
from pointsman.decision.prediction.values import Label, Prompt

WORDS = ("[UNK]", *(f"w{number}" for number in range(40)))
HASHED = Embedder()
TABLE = Embedder(Table(vocabulary=WORDS, rows=np.random.default_rng(1).integers(-90, 90, size=(len(WORDS), WIDTH), dtype=np.int8), name="t"))


def labels(reader: Embedder, *, first: int = 0, count: int = 60) -> tuple[Label, ...]:
    prompts = [Prompt(text=reader.features(f"w{number % 40} w{number % 7} number {number}"), capability="triage") for number in range(first, first + count)]
    return tuple(Label(prompt=prompt, target="small", score=float(number % 3 > 0)) for number, prompt in enumerate(prompts))


def evidence(*several: Label) -> Evidence:
    return Evidence(judged=several, given=(), measured=(), kinds={"outcome": len(several)}, seen=Seen())


def test_what_was_looked_at_in_the_same_way_is_added_and_nothing_is_counted() -> None:
    before = fit(labels(TABLE), embedder=TABLE)
    after = learn(before, evidence(*labels(TABLE, first=100, count=12)), embedder=TABLE)
    assert (after.parameters.table, after.unread) == ("t", 0)
    assert after.parameters.prompts != before.prompts
    assert not any("another way" in sentence for sentence in after.why)


def test_what_was_looked_at_in_another_way_teaches_what_capabilities_show_and_no_more() -> None:
    before = fit(labels(TABLE), embedder=TABLE)
    after = learn(before, evidence(*labels(HASHED, count=12), Label(prompt=Prompt(capability="triage"), target="small", score=1.0)), embedder=TABLE)
    assert after.unread == 12
    assert after.parameters.prompts == before.prompts
    assert after.parameters.cells[0].scores.n == before.cells[0].scores.n + 13
    assert after.why[-1] == "12 prompts were looked at in another way and teach nothing of prompts."


def test_another_embedder_lets_go_of_what_is_known_of_prompts_and_learns_it_anew_from_what_it_can_read() -> None:
    before = replace(fit(labels(HASHED), embedder=HASHED), verifiers={"triage": b"kept"})
    later = learn(before, evidence(*labels(TABLE, count=12)), embedder=TABLE)
    assert (later.parameters.table, later.parameters.prompts) == ("t", b"")
    assert later.why[-1] == "Prompts are looked at in another way from now on, so what was known of them is learned anew."

    everything = evidence(*labels(HASHED), *labels(TABLE, first=200))
    anew = learn(before, everything, anew=everything, embedder=TABLE)
    assert (anew.parameters.table, anew.unread, anew.fitted) == ("t", 60, 120)
    assert anew.parameters.prompts != b""
    assert anew.parameters.verifiers == {"triage": b"kept"}


def test_where_nothing_was_known_of_prompts_nothing_is_let_go() -> None:
    first = learn(Parameters(), evidence(*labels(TABLE, count=12)), embedder=TABLE)
    assert first.parameters.table == "t"
    assert not any("another way" in sentence for sentence in first.why)
