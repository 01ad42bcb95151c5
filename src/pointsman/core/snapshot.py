"""
The whole configuration as one frozen value, named by the hash of its content.

A request is decided by exactly one snapshot; a reload swaps the reference and changes nothing in flight.
"""

from collections.abc import Mapping

from msgspec import Struct

from pointsman.core.capability import Capability, RuleTable
from pointsman.core.place import Place
from pointsman.core.principal import Key, Limit
from pointsman.core.target import Target, Vendor

RULES_BIT = 0
CACHE_BIT = 1
FIRST_TARGET_BIT = 2


class Snapshot(Struct, frozen=True, kw_only=True):
    """
    Everything a request is judged by.

    `digest` is the first 16 hex digits of the SHA-256 over the canonical content. `keys` is empty when the gateway is open, which is
    only possible on a loopback address. `learned` names the parameters that choices are made with. `rules_target` and `cache_target` stand for
    the places that need no vendor.
    """

    digest: str
    vendors: Mapping[str, Vendor]
    targets: Mapping[str, Target]
    capabilities: Mapping[str, Capability]
    rules: Mapping[str, RuleTable]
    keys: tuple[Key, ...]
    limits: tuple[Limit, ...]
    learned: str = ""
    rules_target: Target = Target(name="rules", bit=RULES_BIT, place=Place.RULES)
    cache_target: Target = Target(name="cache", bit=CACHE_BIT, place=Place.CACHE)
