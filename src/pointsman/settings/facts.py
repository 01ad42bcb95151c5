"""
What settings must know of vendors, prices and rules, passed in by `app`: settings import nothing above `core`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pointsman.core.capability import RuleTable
from pointsman.core.place import Dialect, Place
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Target
from pointsman.settings.policy_text import PolicyFault, PolicyText


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorFacts:
    """What is usual for a kind of vendor."""

    dialect: Dialect | None
    place: Place
    base_url: str | None = None
    credential: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class RuleFault:
    """A fault in a decision table: row from 0, column, and what is wrong."""

    row: int
    column: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """
    Vendor facts by kind; whether a target has a price; the faults of a rule table; the policy that ships, the faults of a policy, and what of its
    claims a snapshot breaks (capability, what is wrong).
    """

    vendors: Mapping[str, VendorFacts]
    has_price: Callable[[Target], bool]
    rule_faults: Callable[[RuleTable], list[RuleFault]]
    policy: PolicyText
    policy_faults: Callable[[PolicyText], list[PolicyFault]]
    broken_claims: Callable[[Snapshot, PolicyText], list[tuple[str, str]]]
    kinds: frozenset[str]
