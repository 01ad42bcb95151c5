"""
Zones: whose machines data reaches, as the word that rules use.
"""

from collections.abc import Mapping
from typing import Final

from pointsman.core.place import Place
from pointsman.core.target import Target

PUBLIC_API: Final = "public_api"
CONTRACTED: Final = "contracted"
PRIVATE: Final = "private"
EDGE: Final = "edge"
VENDOR_ZONES: Final = (PUBLIC_API, CONTRACTED, PRIVATE, EDGE)

# Zones that are no vendor's: data stays in this process, in its files, or before a person of the house.
CACHE: Final = "cache"
CONTENT_LOG: Final = "content_log"
PERSON: Final = "person"
RULES: Final = "rules"
ZONES: Final = (*VENDOR_ZONES, CACHE, CONTENT_LOG, PERSON)

_WITHOUT_VENDOR: Final[Mapping[Place, str]] = {Place.RULES: RULES, Place.CACHE: CACHE, Place.PEOPLE: PERSON, Place.PRIVATE: PRIVATE, Place.EDGE: EDGE}


def zone_of(target: Target) -> str:
    """Return the zone of a target. A vendor that is called contracted without the facts, or whose zone nobody knows, counts as a public API."""
    vendor = target.vendor
    if vendor is None:
        return _WITHOUT_VENDOR.get(target.place, PUBLIC_API)
    if vendor.zone in (PRIVATE, EDGE) or (vendor.zone == CONTRACTED and vendor.terms.bear_out_contract):
        return vendor.zone
    return PUBLIC_API
