"""
Learning to judge answers from what was said, as far as it is kept and may be read: question and answer as texts, with what became of the answer.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from pointsman.assess.signals import of_text
from pointsman.control.learning.evidence import Given
from pointsman.decision.answers.fitting import Judged, fit_verifier
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Prompt
from pointsman.decision.question import shortened
from pointsman.storage.database import query
from pointsman.storage.sql import Database
from pointsman.storage.weighed import weighed_of

MOST: Final = 2_000  # answers of a capability that are read
_TEXTS: Final = ("text", "content", "parts", "input_text")
_TURNS: Final = ("messages", "input", "contents", "prompt")

Said = Callable[[str], tuple[bytes, str] | None]
"""What was said in a call: the request as it is kept, and the words of the answer. None where nothing is kept or may be read."""

Heard = Callable[[str, str], Mapping[str, float]]
"""What was heard of a target's answer in a call (call id, target) that its words do not show: signal → number. Empty where it was not checked."""


def _nothing(call_id: str, target: str) -> Mapping[str, float]:
    del call_id, target
    return {}


def verifiers(
    parameters: Parameters,
    given: Iterable[Given],
    *,
    capabilities: Mapping[str, str],
    said: Said,
    heard: Heard = _nothing,
    embedder: Embedder | None = None,
) -> Mapping[str, bytes]:
    """
    Return who judges the answers of these capabilities, learned from judged calls; where too little can be read, whoever did before. `capabilities` names the
    incumbent of each: it is learned too what that one makes of a prompt, where it was asked beside.

    Every text is asked for once, the newest first.
    """
    predictor = Predictor(parameters, embedder=embedder)
    found: dict[str, list[Judged]] = {name: [] for name in capabilities}
    for one in sorted(given, key=lambda one: -one.label.at_ms):
        name = one.label.prompt.capability
        if name not in found or one.label.score is None or len(found[name]) >= MOST:
            continue
        texts = said(one.call_id)
        if texts is not None and (judged := _judged(one, texts=texts, incumbent=capabilities[name], predictor=predictor)) is not None:
            found[name].append(replace(judged, evidence={**judged.evidence, **heard(one.call_id, one.label.target)}))
    learnt = {name: fit_verifier(judged) for name, judged in found.items()}
    return {**parameters.verifiers, **{name: kept for name, kept in learnt.items() if kept}}


def heard_in(db: Database) -> Heard:
    """Return who looks up in the ledger what was heard of answers."""

    def heard(call_id: str, target: str) -> Mapping[str, float]:
        rows = db.rows(query("learning/heard"), {"call_id": call_id})
        found = next((one for row in rows for one in weighed_of(row["weighed"]) if one.target == target), None)
        return {} if found is None or found.evidence is UNSET else found.evidence

    return heard


def _judged(one: Given, *, texts: tuple[bytes, str], incumbent: str, predictor: Predictor) -> Judged | None:
    label, (question, answer) = one.label, (question_in(texts[0]), texts[1])
    if not question or not answer:
        return None
    # By the capability alone: a prediction from the prompt may have learned from this very label.
    prior, ahead = predictor.predict(Prompt(capability=label.prompt.capability, task=label.prompt.task), [label.target, incumbent])
    reached = one.others.get(incumbent)
    return Judged(
        score=label.score or 0.0,
        prior=prior.quality,
        prompt=question,
        answer=answer,
        evidence=of_text(question, answer),
        weight=label.weight,
        target=label.target,
        group=one.call_id,
        onward=None if reached is None else (reached, ahead.quality),
        next_target=incumbent,
    )


def question_in(request: bytes) -> str:
    """Return the last text of the user in a request, whatever its dialect; empty if there is none."""
    try:
        told: object = msgspec.json.decode(request)
    except (msgspec.DecodeError, RecursionError):
        return ""
    if not isinstance(told, dict):
        return ""
    fields = cast("dict[str, object]", told)
    turns = next((fields[name] for name in _TURNS if fields.get(name)), "")
    if isinstance(turns, str):
        return shortened(turns)
    for turn in reversed(cast("list[Any]", turns) if isinstance(turns, list) else []):
        if isinstance(turn, dict) and cast("dict[str, object]", turn).get("role", "user") == "user" and (text := "\n".join(_texts(cast("object", turn)))):
            return shortened(text)
    return ""


def _texts(node: object) -> list[str]:
    match node:
        case str():
            return [node]
        case list():
            return [text for one in cast("list[object]", node) for text in _texts(one)]
        case dict():
            fields = cast("dict[str, object]", node)
            return [text for name in _TEXTS if name in fields for text in _texts(fields[name])]
        case _:
            return []
