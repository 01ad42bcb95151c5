"""
What the settings are told of the parts above them: vendor profiles, prices, decision tables.
"""

from collections.abc import Callable
from typing import Final

from pointsman.core.capability import RuleTable
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Price, Target
from pointsman.governance.detection.kinds import KINDS
from pointsman.governance.policy.faults import faults
from pointsman.governance.policy.proof import prove
from pointsman.governance.policy.template import template
from pointsman.ledger.prices import Catalogue
from pointsman.places.rules.table import check
from pointsman.providers.profiles.table import PROFILES, profile_of
from pointsman.settings.facts import Facts, RuleFault, VendorFacts
from pointsman.settings.policy_text import PolicyText

_MINUTE_MS: Final = 60_000


class Prices:
    """The price of each target now: its own, or the catalogue's. Catalogue prices are looked up again every minute, for some have hours."""

    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._catalogue: Catalogue | None = None
        self._found: dict[tuple[str, str], Price | None] = {}
        self._minute = 0

    def of(self, target: Target) -> Price | None:
        """Return the price in force, or None if none is known."""
        if target.price is not None:
            return target.price
        if target.vendor is None or target.hardware is not None:
            return None
        minute = self._wall_ms() // _MINUTE_MS
        if minute != self._minute:
            self._minute, self._found = minute, {}
        key = (target.vendor.kind, target.model)
        if key not in self._found:
            self._found[key] = self._look_up(target)
        return self._found[key]

    def _look_up(self, target: Target) -> Price | None:
        provider = profile_of(target).catalogue
        if provider is None:
            return None
        if self._catalogue is None:
            self._catalogue = Catalogue.packaged()
        return self._catalogue.resolve(provider, target.model, at_ms=self._wall_ms())


def facts(prices: Prices) -> Facts:
    """Return what the settings need to know."""
    return Facts(
        vendors={
            kind: VendorFacts(dialect=profile.dialect, place=profile.place, base_url=profile.base_url, credential=profile.credential, region=profile.region)
            for kind, profile in PROFILES.items()
        },
        has_price=lambda target: target.hardware is not None or prices.of(target) is not None,
        rule_faults=_rule_faults,
        policy=template(),
        policy_faults=faults,
        broken_claims=_broken_claims,
        kinds=frozenset(KINDS),
    )


def _broken_claims(snapshot: Snapshot, policy: PolicyText) -> list[tuple[str, str]]:
    return [(violation.capability, violation.says) for violation in prove(snapshot, policy)]


def _rule_faults(table: RuleTable) -> list[RuleFault]:
    return [RuleFault(fault.row, fault.column, fault.says) for fault in check(table)]
