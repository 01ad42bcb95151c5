"""
The journal in the store: what was decided, with which probabilities, and what was told of it afterwards. A decision is known by its id.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from pointsman.control.evaluation.store import Store, digest


class Decided(Struct, frozen=True, kw_only=True):
    """A decision. `probability`, `quality` and `cost` (relative) are by model, as they were seen when it was made."""

    id: str
    prompt: str
    capability: str
    model: str
    probability: Mapping[str, float]
    quality: Mapping[str, float]
    cost: Mapping[str, float]


class Told(Struct, frozen=True, kw_only=True):
    """What came of a prompt at a model. `id` is that of the decision, or made from the prompt. `cost` is in the table's unit."""

    id: str
    model: str
    prompt: str
    capability: str
    score: float
    cost: float | None


class News(Struct, frozen=True, kw_only=True):
    """What feedback is new, what says something else than before, and how many rows were told already."""

    added: list[Told]
    changed: list[Told]
    same: int


def of_prompt(prompt: str, capability: str) -> str:
    """Return the id of what names a prompt and no decision."""
    return f"prompt:{digest(prompt, capability).hex()}"


def log(store: Store, decisions: Sequence[Decided]) -> int:
    """Keep decisions; a later one of the same id replaces an earlier one. Return how many of these had chosen another model."""
    before = [(store.decision(one.id), one.model) for one in decisions]
    rows = [(one.id, one.prompt, one.capability, one.model, msgspec.msgpack.encode((one.probability, one.quality, one.cost))) for one in decisions]
    store.put_decisions(rows)
    return sum(1 for there, model in before if there is not None and there[2] != model)


def tell(store: Store, several: Sequence[Told]) -> News:
    """Keep feedback, and return what is new in it. Of one decision and model the last row counts."""
    last = {(one.id, one.model): one for one in several}
    there = {(one.id, one.model): (one.score, one.cost) for one in all_told(store)}
    added = [one for key, one in last.items() if key not in there]
    changed = [one for key, one in last.items() if key in there and there[key] != (one.score, one.cost)]
    rows = [(one.id, one.model, one.prompt, one.capability, one.score, one.cost) for one in (*added, *changed)]
    store.put_feedback(rows)
    return News(added=added, changed=changed, same=len(last) - len(rows))


def all_told(store: Store) -> list[Told]:
    """Return all feedback, in the order in which it came."""
    return [Told(id=row[0], model=row[1], prompt=row[2], capability=row[3], score=row[4], cost=row[5]) for row in store.feedback()]


def logged(store: Store) -> list[tuple[Decided, Told | None]]:
    """Return all decisions with what was told of the model that was chosen, if anything."""
    found: list[tuple[Decided, Told | None]] = []
    for name, prompt, capability, model, told, score, cost in store.decided():
        probability, quality, price = msgspec.msgpack.decode(told, type=tuple[dict[str, float], dict[str, float], dict[str, float]])
        one = Decided(id=name, prompt=prompt, capability=capability, model=model, probability=probability, quality=quality, cost=price)
        came = None if score is None else Told(id=name, model=model, prompt=prompt, capability=capability, score=score, cost=cost)
        found.append((one, came))
    return found
