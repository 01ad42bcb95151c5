"""
Zones: whose machines data reaches.
"""

import pytest
from tests.values import a_snapshot, a_target, a_vendor

from pointsman.core.place import Place
from pointsman.core.target import Terms
from pointsman.governance.policy.attributes import values_of_target
from pointsman.governance.policy.zones import zone_of

BOUND = Terms(retention_days=0, trains=False, agreements=frozenset({"dpa"}))


@pytest.mark.parametrize(
    ("zone", "terms", "found"),
    [
        ("public_api", BOUND, "public_api"),
        ("contracted", BOUND, "contracted"),
        ("contracted", Terms(retention_days=None, trains=False, agreements=frozenset({"dpa"})), "public_api"),
        ("contracted", Terms(retention_days=1, trains=False, agreements=frozenset({"dpa"})), "public_api"),
        ("contracted", Terms(retention_days=0, trains=None, agreements=frozenset({"dpa"})), "public_api"),
        ("contracted", Terms(retention_days=0, trains=False), "public_api"),
        ("private", Terms(), "private"),
        ("edge", Terms(), "edge"),
        ("moon", BOUND, "public_api"),
    ],
)
def test_a_zone_holds_only_with_the_facts_that_bear_it_out(zone: str, terms: Terms, found: str) -> None:
    assert zone_of(a_target(vendor=a_vendor(zone=zone, terms=terms))) == found


def test_places_without_a_vendor_have_zones_of_their_own_and_nothing_unknown() -> None:
    snapshot = a_snapshot()

    assert (zone_of(snapshot.rules_target), zone_of(snapshot.cache_target)) == ("rules", "cache")
    assert zone_of(a_target(place=Place.CLOUD, vendor=None)) == "public_api"
    assert None not in values_of_target(snapshot.cache_target).values()
