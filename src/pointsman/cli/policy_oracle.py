"""
The same decisions once more, by Cedar's own engine: for those who would rather not take our word.
"""

import importlib
from collections.abc import Iterator
from typing import Any

from pointsman.core.capability import Capability
from pointsman.core.errors import ExtraMissing
from pointsman.core.principal import Key, Principal
from pointsman.core.snapshot import Snapshot
from pointsman.governance.policy.attributes import asking, values_of_house, values_of_principal, values_of_target
from pointsman.governance.policy.cedar import cedar_entity, to_cedar
from pointsman.governance.policy.rules import HOUSE_ZONES, Rulebook
from pointsman.intake.keys import LOCAL
from pointsman.settings.policy_text import Action, PolicyText


def compared_with_cedar(snapshot: Snapshot, text: PolicyText) -> tuple[int, int]:
    """Return how many decisions on single classes there are, and how many Cedar decides otherwise. Raises `ExtraMissing`."""
    try:
        cedar: Any = importlib.import_module("cedarpy")
    except ImportError as error:
        raise ExtraMissing(what="Asking Cedar", extra="cedar") from error
    book = Rulebook(text, (target for target in snapshot.targets.values() if target.vendor is not None))
    policies = to_cedar(text)
    entities = list(_entities(snapshot, book))
    decisions = disagreements = 0
    for capability in snapshot.capabilities.values():
        for key in snapshot.keys or (LOCAL,):
            asked = list(_questions(book, text, capability=capability, key=key))
            answers = cedar.is_authorized_batch([request for request, _ in asked], policies, entities)
            decisions += len(asked)
            disagreements += sum(answer.allowed != ours for answer, (_, ours) in zip(answers, asked, strict=True))
    return decisions, disagreements


def _entities(snapshot: Snapshot, book: Rulebook) -> Iterator[dict[str, object]]:
    for key in snapshot.keys or (LOCAL,):
        yield cedar_entity("Key", key.key_id, values=values_of_principal(Principal(key=key)))
    for target in book.targets:
        yield cedar_entity("Target", target.name, values=values_of_target(target))
    for zone in HOUSE_ZONES.values():
        yield cedar_entity("House", zone, values=values_of_house(zone, name=zone))


def _questions(book: Rulebook, text: PolicyText, *, capability: Capability, key: Key) -> Iterator[tuple[dict[str, object], bool]]:
    """Yield each question as Cedar takes it, with our answer."""
    who = asking(Principal(key=key), capability)
    for name in text.levels:
        for action in Action:
            mask = book.atom(name, action, asking=who).mask
            for kind, place, bit in _places(book, action):
                yield (
                    {
                        "principal": {"type": "Key", "id": key.key_id},
                        "action": {"type": "Action", "id": action.value},
                        "resource": {"type": kind, "id": place},
                        "context": {"classes": [name], "capability": capability.name, "purpose": capability.purpose or ""},
                    },
                    bool(mask >> bit & 1),
                )


def _places(book: Rulebook, action: Action) -> list[tuple[str, str, int]]:
    if action in HOUSE_ZONES:
        return [("House", HOUSE_ZONES[action], book.house[action])]
    return [("Target", target.name, target.bit) for target in book.targets]
