"""
A policy as people look at it: a table of classes and zones, what changes between two policies, and rules that never apply.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from msgspec import Struct

from pointsman.core.capability import Capability
from pointsman.core.label import a_label
from pointsman.core.place import Place
from pointsman.core.principal import Key, Principal
from pointsman.core.snapshot import FIRST_TARGET_BIT, Snapshot
from pointsman.core.target import Target, Terms, Vendor
from pointsman.core.verdict import Duty, Keeping, Obligation, Sharing, Verdict
from pointsman.governance.policy.attributes import Asking, asking
from pointsman.governance.policy.compiled import CompiledPolicy
from pointsman.governance.policy.rules import Rulebook
from pointsman.governance.policy.zones import CACHE, CONTENT_LOG, CONTRACTED, PERSON, PUBLIC_API, VENDOR_ZONES
from pointsman.settings.policy_text import Action, PolicyText, Rule

NO: Final = "no"
YES: Final = "yes"
SUMMARY: Final = "summary"
COLUMNS: Final = (*VENDOR_ZONES, SUMMARY, CACHE, CONTENT_LOG, PERSON)
DEPENDS: Final = "*"  # marks a cell that depends on who asks, on the capability, or on facts of the vendor

_SEEN: Final[Mapping[Obligation, str]] = {
    Obligation.REDACT: "redacted",
    Obligation.PSEUDONYMISE: "pseudonymised",
    Obligation.SUMMARISE: "summary",
    Obligation.PERSON: "person",
}
_KNOWN_TERMS: Final = Terms(retention_days=0, trains=False, agreements=frozenset({"dpa", "baa"}))


class Change(Struct, frozen=True, kw_only=True):
    """One cell that differs between two policies, for these capabilities and keys."""

    data_class: str
    target: str
    before: str
    after: str
    uses: tuple[tuple[str, str], ...]


def matrix(text: PolicyText) -> dict[str, dict[str, str]]:
    """Return for each class and column what is permitted at a vendor of whom everything is known, to a caller without any attribute."""
    known, unknown = _examples(is_known=True), _examples(is_known=False)
    policies = [CompiledPolicy(text, examples.values(), snapshot="") for examples in (known, unknown)]
    nobody = asking(Principal(key=Key(key_id="", digests=(), tenant="")), _any_capability())
    anybody = asking(None, _any_capability())
    table: dict[str, dict[str, str]] = {}
    for name in text.levels:
        told, less, other = (dict(_row(policy, name, who=who)) for policy, who in ((policies[0], nobody), (policies[1], nobody), (policies[0], anybody)))
        table[name] = {column: cell if cell == less[column] == other[column] else f"{cell}{DEPENDS}" for column, cell in told.items()}
    return table


def cells(snapshot: Snapshot, text: PolicyText, *, now_s: float) -> dict[tuple[str, str, str, str], str]:
    """Return (class, target or house zone, capability, key) → what is permitted, for all that a snapshot knows."""
    policy = CompiledPolicy(text, snapshot.targets.values(), snapshot=snapshot.digest)
    found: dict[tuple[str, str, str, str], str] = {}
    for capability in snapshot.capabilities.values():
        for key in snapshot.keys or (Key(key_id="local", digests=()),):
            principal = Principal(key=key)
            for name in text.levels:
                label = a_label(name, levels=text.levels)
                verdict = policy.verdict(principal, label, capability=capability, now_s=now_s)
                for target in snapshot.targets.values():
                    found[name, target.name, capability.name, key.key_id] = _word(verdict.permits(target), verdict.owes(target))
                may = policy.allows(principal, label, capability=capability, action=Action.PERSON)
                for zone, cell in ((CACHE, _shared(verdict)), (CONTENT_LOG, _kept(verdict)), (PERSON, YES if may else NO)):
                    found[name, zone, capability.name, key.key_id] = cell
    return found


def changes(before: Mapping[tuple[str, str, str, str], str], after: Mapping[tuple[str, str, str, str], str]) -> list[Change]:
    """Return what differs between two tables of `cells`. What one of them does not have is `-` there."""
    found: dict[tuple[str, str, str, str], list[tuple[str, str]]] = {}
    for cell in sorted({*before, *after}):
        was, becomes = before.get(cell, "-"), after.get(cell, "-")
        if was != becomes:
            found.setdefault((cell[0], cell[1], was, becomes), []).append((cell[2], cell[3]))
    return [Change(data_class=name, target=target, before=was, after=becomes, uses=tuple(uses)) for (name, target, was, becomes), uses in found.items()]


def unused(snapshot: Snapshot, text: PolicyText, *, among: Collection[Rule]) -> list[str]:
    """Return the rules among these that apply to no class, action and target of a snapshot, whoever asks."""
    book = Rulebook(text, (target for target in snapshot.targets.values() if target.vendor is not None))
    names = [
        who
        for capability in snapshot.capabilities.values()
        for who in ([asking(Principal(key=key), capability) for key in snapshot.keys] or [asking(None, capability)])
    ]
    return [rule.rule_id for rule in among if not any(_applies(book, rule, who=who) for who in names)]


def _applies(book: Rulebook, rule: Rule, *, who: Asking) -> bool:
    compiled = book.compiled(rule)
    return any(compiled.mask(book.population, who) & book.places(action) for action in rule.actions or Action)


def _examples(*, is_known: bool) -> dict[str, Target]:
    """Return a target for each zone of vendors: one of whom everything is known, or nothing but what its zone asks for."""
    return {
        zone: Target(
            name=zone,
            bit=FIRST_TARGET_BIT + index,
            place=Place.CLOUD,
            vendor=Vendor(
                name=zone,
                kind="",
                base_url="",
                zone=zone,
                region="known" if is_known else None,
                terms=_KNOWN_TERMS if is_known else Terms(retention_days=0, trains=False, agreements=frozenset({"dpa"})) if zone == CONTRACTED else Terms(),
            ),
        )
        for index, zone in enumerate(VENDOR_ZONES)
    }


def _any_capability() -> Capability:
    return Capability(name="", version="", ladder=())


def _row(policy: CompiledPolicy, name: str, *, who: Asking) -> Iterator[tuple[str, str]]:
    told = policy.of_class(name, who, action=Action.INFER, can_summarise=False)
    leaves = policy.book.atom(name, Action.SUMMARISE, asking=who)
    for target in policy.book.targets:
        yield target.name, _word(bool(told.direct >> target.bit & 1), frozenset(duty for duty, mask in told.owed if mask >> target.bit & 1))
    out = next(target.bit for target in policy.book.targets if target.name == PUBLIC_API)
    yield SUMMARY, _word(bool(leaves.mask >> out & 1), frozenset(Duty(name, obligation) for obligation, mask in leaves.owed if mask >> out & 1))
    yield CACHE, told.sharing.name.lower() if told.sharing > Sharing.NOBODY else NO
    yield CONTENT_LOG, told.keeping.name.lower() if told.keeping > Keeping.NOTHING else NO
    yield PERSON, YES if policy.book.atom(name, Action.PERSON, asking=who).mask else NO


def _word(is_open: bool, duties: frozenset[Duty]) -> str:
    if not is_open:
        return NO
    return " + ".join(_SEEN[obligation] for obligation in sorted({duty.obligation for duty in duties}, reverse=True)) or YES


def _shared(verdict: Verdict) -> str:
    return verdict.sharing.name.lower() if verdict.sharing > Sharing.NOBODY else NO


def _kept(verdict: Verdict) -> str:
    return verdict.keeping.name.lower() if verdict.keeping > Keeping.NOTHING else NO
