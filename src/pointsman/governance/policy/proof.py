"""
The static proof: no path of a configuration sends data of a class to a zone where its owner claims it never goes.

Permission for a label is permission for each of its classes, so it is enough to look at single classes: what is closed to one class is closed
to every label that holds it. Reviews and other things that only close are left out of account; so is whether a path is in use today. What is
found may thus never happen, but what is not found cannot.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.core.capability import Capability
from pointsman.core.label import a_label
from pointsman.core.principal import Principal, Scope
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Target
from pointsman.core.verdict import Keeping, Sharing
from pointsman.governance.policy.attributes import Asking, asking
from pointsman.governance.policy.compiled import CompiledPolicy
from pointsman.governance.policy.rules import HOUSE_ZONES
from pointsman.governance.policy.zones import zone_of
from pointsman.settings.policy_text import Action, Never, PolicyText

# Actions at targets that need not stand in the capability's own ladder: any target of the snapshot may be named for them.
_ANYWHERE: Final[Mapping[Action, str]] = {Action.JUDGE: "judge", Action.SHADOW: "shadow", Action.EMBED: "embedding", Action.TOOL: "tool"}
_HOUSE: Final[Mapping[Action, str]] = {Action.CACHE: "cache", Action.LOG_CONTENT: "log", Action.PERSON: "person"}
ANYBODY: Final = "anybody"


class Violation(Struct, frozen=True, kw_only=True):
    """
    The paths on which data of a class reaches a target in a zone that a claim excludes, for one capability and key at least.

    `rules` are the permits to blame.
    """

    claim: str
    data_class: str
    zone: str
    target: str
    paths: tuple[str, ...]
    capability: str
    key: str
    rules: tuple[str, ...]

    @property
    def says(self) -> str:
        """Return it as a sentence, with the remedy."""
        return (
            f"`{self.data_class}` data can reach `{self.target}` ({self.zone}) as {', '.join(self.paths)} of `{self.capability}`, for the key `{self.key}`,"
            f" by {', '.join(f'`{rule}`' for rule in self.rules)}; the claim `{self.claim}` says never."
            " Narrow the rule, or give the claim up under `policy.waive`."
        )


class _Step(Struct, frozen=True):
    """One place that a capability can lead to."""

    path: str
    action: Action
    bit: int
    target: str
    zone: str


def prove(snapshot: Snapshot, text: PolicyText, *, anybody: bool = False) -> list[Violation]:
    """
    Return every violation of a claim that is not waived; an empty list is the proof.

    It is looked at for each key, and for `anybody` where callers come with attributes that the configuration does not know (people who sign in,
    or a gateway without keys).
    """
    policy = CompiledPolicy(text, snapshot.targets.values(), snapshot=snapshot.digest)
    found: dict[tuple[str, ...], Violation] = {}
    for capability, name, who in _uses(snapshot, anybody=anybody or not snapshot.keys):
        steps = tuple(_steps(policy, snapshot, capability=capability))
        for claim in text.claims:
            if claim.claim_id not in text.waived:
                for violation in _violations(policy, claim, steps=steps, capability=capability, who=(name, who)):
                    at = (violation.claim, violation.data_class, violation.target)
                    found[at] = _joined(found[at], violation) if at in found else violation
    return list(found.values())


def _joined(first: Violation, more: Violation) -> Violation:
    return replace(first, paths=tuple(dict.fromkeys((*first.paths, *more.paths))), rules=tuple(dict.fromkeys((*first.rules, *more.rules))))


def _uses(snapshot: Snapshot, *, anybody: bool) -> Iterator[tuple[Capability, str, Asking]]:
    """Yield each capability with each kind of caller that may use it. A target that may be named is a capability of its own."""
    raw = [Capability(name=target.name, version="", ladder=(target,), raw=True) for target in snapshot.targets.values()]
    for capability in snapshot.capabilities.values():
        for key in snapshot.keys:
            if key.capabilities is None or capability.name in key.capabilities:
                yield capability, key.key_id, asking(Principal(key=key), capability)
        if anybody:
            yield capability, ANYBODY, asking(None, capability)
    for capability in raw:
        for key in snapshot.keys:
            if Scope.RAW_TARGETS in key.scopes:
                yield capability, key.key_id, asking(Principal(key=key), capability)


def _steps(policy: CompiledPolicy, snapshot: Snapshot, *, capability: Capability) -> Iterator[_Step]:
    for index, target in enumerate(capability.ladder):
        yield _at("the ladder" if index == 0 else "fallback", Action.INFER, target=target)
        yield _at("a summary", Action.SUMMARISE, target=target)
    if capability.summariser is not None:
        yield _at("the summariser", Action.INFER, target=capability.summariser)
    for target in snapshot.targets.values():
        for action, path in _ANYWHERE.items():
            yield _at(path, action, target=target)
    for action, path in _HOUSE.items():
        yield _Step(path, action, policy.book.house[action], HOUSE_ZONES[action], HOUSE_ZONES[action])


def _at(path: str, action: Action, *, target: Target) -> _Step:
    return _Step(path, action, target.bit, target.name, zone_of(target))


def _violations(policy: CompiledPolicy, claim: Never, *, steps: Iterable[_Step], capability: Capability, who: tuple[str, Asking]) -> Iterator[Violation]:
    key, caller = who
    for name in sorted(claim.classes):
        for step in steps:
            if step.zone not in claim.zones or (step.action is Action.SUMMARISE and not claim.even_summarised):
                continue
            if _reaches(policy, name, step=step, capability=capability, who=caller):
                yield Violation(
                    claim=claim.claim_id,
                    data_class=name,
                    zone=step.zone,
                    target=step.target,
                    paths=(step.path,),
                    capability=capability.name,
                    key=key,
                    rules=tuple(_permits(policy, name, step=step, who=caller)),
                )


def _reaches(policy: CompiledPolicy, name: str, *, step: _Step, capability: Capability, who: Asking) -> bool:
    label = policy.closed(a_label(name, levels=policy.text.levels))
    limits = policy.limits.mask(label, capability) if step.action not in HOUSE_ZONES else 1 << step.bit
    if not limits >> step.bit & 1 or label.level > capability.ceiling:
        return False
    atoms = [policy.book.atom(one, step.action, asking=who) for one in label.classes]
    if step.action is Action.CACHE:
        return min(atom.sharing for atom in atoms) > Sharing.NOBODY
    if step.action is Action.LOG_CONTENT:
        return min(atom.keeping for atom in atoms) > Keeping.NOTHING
    return all(atom.mask >> step.bit & 1 for atom in atoms)


def _permits(policy: CompiledPolicy, name: str, *, step: _Step, who: Asking) -> Iterator[str]:
    for one in policy.book.about(name, step.action):
        if one.rule.permits and one.mask(policy.book.population, who) >> step.bit & 1:
            yield one.rule.rule_id
