"""
Rules over all targets at once: which permit, which forbid, for one class, action and asker.

- Permitted is where a permit is known to hold and no forbid could. Without a permit everything is closed.
- What is owed at a target is what the permits that ask for least ask for. Where no permit asks for less than another, all of it is owed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from pointsman.core.snapshot import CACHE_BIT
from pointsman.core.target import Target
from pointsman.core.verdict import Keeping, Obligation, Sharing
from pointsman.governance.policy.attributes import Asking, Value, values_of_house, values_of_target
from pointsman.governance.policy.conditions import names_in, parse
from pointsman.governance.policy.masks import Folded, Masks, Population, both
from pointsman.governance.policy.zones import CACHE, CONTENT_LOG, PERSON
from pointsman.settings.policy_text import Action, PolicyText, Rule

# Actions whose data stays in the house have a place of their own, which is no target of a ladder. They stand above the bits of all targets.
HOUSE_ZONES: Final[Mapping[Action, str]] = {Action.CACHE: CACHE, Action.LOG_CONTENT: CONTENT_LOG, Action.PERSON: PERSON}
_UNKNOWN_AS: Final = "restricted"


class Atom(Struct, frozen=True, kw_only=True):
    """
    What is decided of one class, for one action and asker: where it is permitted, and what is owed where.

    `sharing`, `keeping` and `keep_at_most_s` are the widest that the permits of the actions `cache` and `log_content` grant.
    """

    mask: int
    owed: tuple[tuple[Obligation, int], ...]
    sharing: Sharing = Sharing.NOBODY
    keeping: Keeping = Keeping.NOTHING
    keep_at_most_s: int | None = None


class CompiledRule(Struct, frozen=True, kw_only=True):
    """A rule whose conditions on targets are masks; `rest` asks for the caller."""

    rule: Rule
    targets: Masks
    rest: Folded | None

    def mask(self, population: Population, asking: Asking) -> int:
        """Return the targets to which the rule applies."""
        possible = _fits(self.rule.principals, asking)
        if possible == "no" or (possible == "maybe" and not self.rule.permits):
            return 0
        rest = None if self.rest is None else population.masks(self.rest, asking)
        if self.rule.permits:
            return self.targets.yes if rest is None else self.targets.yes & rest.yes
        return population.all & ~(self.targets.no if rest is None else self.targets.no | rest.no)


class Rulebook:
    """
    All rules of a policy over some targets. Raises `BadCondition` for a condition that cannot be used.

    `asks` names the attributes of callers that any rule asks for: two that differ in others only are the same to this policy.
    """

    def __init__(self, text: PolicyText, targets: Iterable[Target]) -> None:
        real = tuple(targets)
        first = max([CACHE_BIT, *(target.bit for target in real)]) + 1
        self.house: Mapping[Action, int] = {action: first + index for index, action in enumerate(HOUSE_ZONES)}
        house = {bit: values_of_house(HOUSE_ZONES[action], name=HOUSE_ZONES[action]) for action, bit in self.house.items()}
        self.population = Population({**{target.bit: values_of_target(target) for target in real}, **house})
        self.targets = real
        self._levels = text.levels
        rules = tuple(self.compiled(rule) for rule in text.rules)
        self.asks = frozenset(name for rule in text.rules for name in _asks(rule))
        self._rules: dict[tuple[str, Action], tuple[CompiledRule, ...]] = {}
        self._all = rules
        self._real = sum(1 << target.bit for target in real)

    def about(self, data_class: str, action: Action) -> tuple[CompiledRule, ...]:
        """Return the rules that speak of a class and action. A class that the policy does not know is `restricted`, and itself."""
        found = self._rules.get((data_class, action))
        if found is None:
            names = {data_class} if data_class in self._levels else {data_class, _UNKNOWN_AS}
            found = tuple(one for one in self._all if _speaks(one.rule, names, action=action))
            self._rules[data_class, action] = found
        return found

    def places(self, action: Action) -> int:
        """Return the places that an action can lead to."""
        return 1 << self.house[action] if action in self.house else self._real

    def atom(self, data_class: str, action: Action, *, asking: Asking) -> Atom:
        """Decide on one class."""
        rules = self.about(data_class, action)
        masks = [(one.rule, one.mask(self.population, asking)) for one in rules]
        forbidden = 0
        for rule, mask in masks:
            if not rule.permits:
                forbidden |= mask
        allowed = self.places(action) & ~forbidden
        permits = [(rule, found) for rule, mask in masks if rule.permits and (found := mask & allowed)]
        mask = 0
        for _, found in permits:
            mask |= found
        granting = [rule for rule, _ in permits]
        return Atom(
            mask=mask,
            owed=_owed(permits),
            sharing=max((rule.sharing for rule in granting if rule.sharing is not None), default=Sharing.NOBODY),
            keeping=max((rule.keeping for rule in granting if rule.keeping is not None), default=Keeping.NOTHING),
            keep_at_most_s=_longest(granting),
        )

    def compiled(self, rule: Rule) -> CompiledRule:
        """Work out what the targets alone decide."""
        targets = Masks(self.population.all, 0)
        for name, accepted in rule.targets.items():
            targets = both((targets, self.population.having(name, accepted)))
        rest = None if rule.when is None else self.population.folded(parse(rule.when))
        if isinstance(rest, Masks):
            targets, rest = both((targets, rest)), None
        return CompiledRule(rule=rule, targets=targets, rest=rest)


def _asks(rule: Rule) -> Iterator[str]:
    """Yield the attributes of the caller that a rule asks for."""
    yield from rule.principals
    if rule.when is not None:
        yield from (named.name for named in names_in(parse(rule.when)) if named.root != "target")


def _speaks(rule: Rule, names: set[str], *, action: Action) -> bool:
    return (not rule.classes or not rule.classes.isdisjoint(names)) and (not rule.actions or action in rule.actions)


def _fits(wanted: Mapping[str, frozenset[str]], asking: Asking) -> str:
    """Tell whether a principal has the wanted attributes: `yes` or `no`; `maybe` for anybody."""
    if not wanted:
        return "yes"
    if asking.principal is None:
        return "maybe"
    return "yes" if all(_has(asking.principal[name], accepted) for name, accepted in wanted.items()) else "no"


def _has(value: Value, accepted: frozenset[str]) -> bool:
    return not accepted.isdisjoint(value) if isinstance(value, frozenset) else value in accepted


def _owed(permits: Sequence[tuple[Rule, int]]) -> tuple[tuple[Obligation, int], ...]:
    by_duties: dict[frozenset[Obligation], int] = {}
    for rule, mask in permits:
        by_duties[rule.obligations] = by_duties.get(rule.obligations, 0) | mask
    owed: dict[Obligation, int] = {}
    for duties, mask in by_duties.items():
        for less, there in by_duties.items():
            if less < duties:
                mask &= ~there  # noqa: PLW2901 - what is left of it
        for duty in duties if mask else ():
            owed[duty] = owed.get(duty, 0) | mask
    return tuple(sorted(owed.items()))


def _longest(granting: Sequence[Rule]) -> int | None:
    """Return the longest time that a permit to keep content grants. One that states none grants any."""
    terms = [rule.keep_at_most_s for rule in granting if rule.keeping is not None]
    known = [term for term in terms if term is not None]
    return max(known) if known and len(known) == len(terms) else None
