"""
What rules may speak of: attributes of principals and targets, with their types and values.

None is a value that nobody knows. Only targets have such values: of a principal everything is known, and what it lacks is the empty text.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from pointsman.core.capability import Capability
from pointsman.core.principal import Principal
from pointsman.core.target import Target
from pointsman.governance.policy.zones import zone_of

Value = str | int | bool | frozenset[str]

TEXT: Final = "text"
TEXTS: Final = "texts"
NUMBER: Final = "number"
FLAG: Final = "flag"

TARGET: Final[Mapping[str, str]] = {
    "name": TEXT,
    "vendor": TEXT,
    "model": TEXT,
    "place": TEXT,
    "zone": TEXT,
    "region": TEXT,
    "retention_days": NUMBER,
    "trains": FLAG,
    "agreements": TEXTS,
    "certifications": TEXTS,
}
PRINCIPAL: Final[Mapping[str, str]] = {"key": TEXT, "tenant": TEXT, "team": TEXT, "application": TEXT, "groups": TEXTS}
# Attributes without a root: of the call.
CALL: Final[Mapping[str, str]] = {"capability": TEXT, "purpose": TEXT}


class Asking(Struct, frozen=True, kw_only=True):
    """Who asks for what, as rules know it. `principal` None stands for anybody: every condition on the principal may or may not hold."""

    principal: Mapping[str, Value] | None
    capability: str
    purpose: str

    def value(self, root: str, name: str) -> Value | None:
        """Return the value of an attribute of the principal or of the call; None for that of anybody."""
        if root == "principal":
            return None if self.principal is None else self.principal[name]
        return self.capability if name == "capability" else self.purpose


def asking(principal: Principal | None, capability: Capability) -> Asking:
    """Return what rules know of a principal (None for anybody) that uses a capability."""
    return Asking(principal=None if principal is None else values_of_principal(principal), capability=capability.name, purpose=capability.purpose or "")


def values_of_principal(principal: Principal) -> Mapping[str, Value]:
    """Return the attributes of a principal."""
    key = principal.key
    return {"key": key.key_id, "tenant": key.tenant, "team": key.team or "", "application": key.application or "", "groups": key.groups}


def values_of_target(target: Target) -> Mapping[str, Value | None]:
    """Return the attributes of a target."""
    vendor, zone = target.vendor, zone_of(target)
    if vendor is None:
        return values_of_house(zone, name=target.name)
    terms = vendor.terms
    return {
        "name": target.name,
        "model": target.model,
        "place": target.place.value,
        "zone": zone,
        "vendor": vendor.name,
        "region": vendor.region,
        "retention_days": terms.retention_days,
        "trains": terms.trains,
        "agreements": terms.agreements,
        "certifications": terms.certifications,
    }


def values_of_house(zone: str, *, name: str) -> Mapping[str, Value | None]:
    """Return the attributes of a place without a vendor. That there is none is known: nobody else keeps the data or learns from it."""
    return {
        "name": name,
        "model": "",
        "place": zone,
        "zone": zone,
        "vendor": "",
        "region": "",
        "retention_days": 0,
        "trains": False,
        "agreements": frozenset(),
        "certifications": frozenset(),
    }
