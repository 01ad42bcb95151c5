"""
A policy compiled to bit masks: for a label, one AND of masks tells all permitted targets at once.

A label is permitted where each of its classes is, so what is worked out for single classes holds for every label, and a verdict is worked out
once for each kind of caller. No class at all is not permission: it closes everything.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.core.capability import Capability
from pointsman.core.label import SECRET, Label, Level
from pointsman.core.principal import Key, Principal
from pointsman.core.snapshot import CACHE_BIT, RULES_BIT
from pointsman.core.target import Target
from pointsman.core.verdict import Duty, Keeping, Obligation, Reason, Sharing, Verdict
from pointsman.governance.policy.attributes import Asking, asking
from pointsman.governance.policy.levels import Limits, closure, is_purpose_right
from pointsman.governance.policy.reasons import Question, reason
from pointsman.governance.policy.rules import Rulebook
from pointsman.settings.policy_text import Action, PolicyText

_MOST_KEPT: Final = 8_192
_DURABLE_FROM: Final = Level.CONFIDENTIAL

# Attributes of a principal, as rules call them → the fields of its key.
_FIELDS: Final[Mapping[str, str]] = {"key": "key_id", "tenant": "tenant", "team": "team", "application": "application", "groups": "groups"}

# What a verdict depends on beside the policy and the time.
_Signature = tuple[object, ...]


class ClassVerdict(Struct, frozen=True, kw_only=True):
    """What holds for one class and one kind of caller. `direct` may be sent there, `summarised` only as a checked summary."""

    direct: int
    summarised: int
    owed: tuple[tuple[Duty, int], ...]
    sharing: Sharing
    keeping: Keeping
    keep_at_most_s: int | None


class _Use(Struct, frozen=True):
    """Who asks for what; `caller` is what tells them apart for this policy."""

    principal: Principal
    capability: Capability
    caller: _Signature


class CompiledPolicy:
    """A policy over the targets of one snapshot. Raises `BadCondition` for a condition that cannot be used."""

    def __init__(self, text: PolicyText, targets: Iterable[Target], *, snapshot: str) -> None:
        self.text = text
        self.book = Rulebook(text, (target for target in targets if target.vendor is not None))
        self._snapshot = snapshot
        self.limits = Limits(self.book.targets)
        self._of_key = _asked_of_key(self.book.asks)
        self._asks_name = "capability" in self.book.asks
        self._classes: dict[_Signature, ClassVerdict] = {}
        self._verdicts: dict[_Signature, Verdict] = {}

    def verdict(self, principal: Principal, label: Label, *, capability: Capability, action: Action = Action.INFER, now_s: float) -> Verdict:
        """
        Return where data of this label may go, for this action and caller, at a time in Unix seconds.

        The label of the verdict has the classes that follow from others too. Data above the ceiling of the capability goes nowhere.
        """
        if self.limits.turn_to(now_s):
            self._verdicts.clear()
        caller = (self._of_key(principal.key), capability.name if self._asks_name else None, capability.purpose)
        at = (caller, action, capability.ceiling, None if capability.summariser is None else capability.summariser.bit)
        signature = (at, label.classes, label.level, label.residency, label.purposes, label.keep_at_least_s, label.keep_at_most_s)
        found = self._verdicts.get(signature)
        if found is None:
            if len(self._verdicts) >= _MOST_KEPT:
                self._verdicts.clear()
            found = self._verdicts[signature] = self._worked_out(_Use(principal, capability, caller), label, action=action)
        if found.label.integrity == label.integrity and found.label.sources == label.sources:
            return found
        return replace(found, label=replace(found.label, integrity=label.integrity, sources=label.sources))

    def reason(self, target: Target, verdict: Verdict, *, principal: Principal, capability: Capability, action: Action = Action.INFER) -> Reason:
        """Tell why a target is open or closed under a verdict of this policy, for the caller it was made for."""
        question = Question(verdict=verdict, who=asking(principal, capability), capability=capability, action=action)
        return reason(target, question, book=self.book, limits=self.limits)

    def allows(self, principal: Principal, label: Label, *, capability: Capability, action: Action) -> bool:
        """Tell whether an action that needs no target (`cache`, `log_content`, `person`) is permitted for data of this label."""
        told = self.closed(label)
        who = asking(principal, capability)
        place = self.book.places(action)
        return bool(told.classes) and all(self.book.atom(name, action, asking=who).mask & place for name in told.classes)

    def closed(self, label: Label) -> Label:
        """Return the label with the classes that follow from those it has."""
        return closure(label, self.text.levels, derived=self.text.derived)

    def of_class(self, data_class: str, who: Asking, *, action: Action, can_summarise: bool) -> ClassVerdict:
        """Decide on one class alone, whatever limits labels beside rules. `who` may be anybody."""
        direct = self.book.atom(data_class, action, asking=who)
        summary = self.book.atom(data_class, Action.SUMMARISE, asking=who) if can_summarise else None
        cache = self.book.atom(data_class, Action.CACHE, asking=who)
        log = self.book.atom(data_class, Action.LOG_CONTENT, asking=who)
        summarised = 0 if summary is None else summary.mask & ~direct.mask
        owed = {Duty(data_class, obligation): mask for obligation, mask in direct.owed}
        if summary is not None and summarised:
            for obligation, mask in (*summary.owed, (Obligation.SUMMARISE, summarised)):
                duty = Duty(data_class, obligation)
                owed[duty] = owed.get(duty, 0) | (mask & summarised)
        return ClassVerdict(
            direct=direct.mask,
            summarised=summarised,
            owed=tuple((duty, mask) for duty, mask in owed.items() if mask),
            sharing=cache.sharing,
            keeping=log.keeping,
            keep_at_most_s=log.keep_at_most_s,
        )

    # ── one verdict ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _worked_out(self, use: _Use, label: Label, *, action: Action) -> Verdict:
        told, capability = self.closed(label), use.capability
        is_usable = bool(told.classes) and told.level <= capability.ceiling and is_purpose_right(told, capability)
        is_open = (self.limits.mask(told, capability) & self.limits.open) if is_usable else 0
        can_summarise = action is Action.INFER and self._summarises(use, told, is_open=is_open)
        found = [self._of_class(use, name, action=action, can_summarise=can_summarise) for name in told.classes]
        mask = is_open
        for one in found:
            mask &= one.direct | one.summarised
        sharing = min(one.sharing for one in found) if is_usable else Sharing.NOBODY
        terms = [term for term in (told.keep_at_most_s, *(one.keep_at_most_s for one in found)) if term is not None]
        in_house = (is_usable and SECRET not in told.classes) << RULES_BIT | (sharing > Sharing.NOBODY) << CACHE_BIT
        return Verdict(
            label=told,
            mask=mask | in_house,
            snapshot=self._snapshot,
            owed={duty: there for one in found for duty, due in one.owed if (there := due & mask)},
            sharing=sharing,
            keeping=min(one.keeping for one in found) if is_usable else Keeping.NOTHING,
            keep_at_least_s=told.keep_at_least_s,
            keep_at_most_s=min(terms, default=None),
            before_egress=told.level >= _DURABLE_FROM,
            policy=self.text.digest,
        )

    def _of_class(self, use: _Use, data_class: str, *, action: Action, can_summarise: bool) -> ClassVerdict:
        signature = (use.caller, action, data_class, can_summarise)
        found = self._classes.get(signature)
        if found is None:
            if len(self._classes) >= _MOST_KEPT:
                self._classes.clear()
            who = asking(use.principal, use.capability)
            found = self._classes[signature] = self.of_class(data_class, who, action=action, can_summarise=can_summarise)
        return found

    def _summarises(self, use: _Use, label: Label, *, is_open: int) -> bool:
        """Tell whether the capability has a target that may read the data in order to summarise it."""
        reader = use.capability.summariser
        if reader is None or not is_open >> reader.bit & 1:
            return False
        return all(self._of_class(use, name, action=Action.INFER, can_summarise=False).direct >> reader.bit & 1 for name in label.classes)


def _asked_of_key(asks: frozenset[str]) -> Callable[[Key], object]:
    """Return what tells callers apart for a policy that asks for these attributes."""
    fields = [field for name, field in _FIELDS.items() if name in asks]
    return attrgetter(*fields) if fields else lambda _: None
