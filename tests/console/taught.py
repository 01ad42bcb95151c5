"""
A house whose capability `triage` chooses by value, with what was learned in two versions, calls that were weighed, and a certificate.
"""

from typing import Any, Final

from msgspec.structs import replace
from tests.console.house import DAY, HOUR, NOW, SETTINGS, House
from tests.ledger.entries import a_record, an_entry

from pointsman.app.facts import Prices, facts
from pointsman.app.learned import folder_of, pointer_of
from pointsman.control.learning.version import Version, put_in_force
from pointsman.core.entry import CallRecord
from pointsman.core.routing import Weighed
from pointsman.decision.guarantee.certificate import Certificate, Standing, encode, predicting
from pointsman.decision.guarantee.drift import begun
from pointsman.decision.prediction import parameters as learned
from pointsman.decision.prediction.fit import fit, update
from pointsman.decision.prediction.values import Label, Prompt
from pointsman.settings.load import load


def routed(**routing: Any) -> dict[str, Any]:
    """Return capabilities of which one chooses by value."""
    told = {"incumbent": "acme/large", "shadow": {"share": 0.05}, **routing}
    return {"triage": {**SETTINGS["capabilities"]["triage"], "routing": told}, "quiet": SETTINGS["capabilities"]["quiet"]}


TRYING: Final = routed(explore={"share": 0.02}, not_worse_by=0.1)
PROMISED: Final = routed(guarantee=True)


def labels(target: str, good: int, *, of: int, cost: int) -> list[Label]:
    prompt = Prompt(text="Where is my parcel?", capability="triage")
    return [Label(prompt=prompt, target=target, score=float(at < good), cost_nano_usd=cost, latency_s=0.4, tokens_out=40, at_ms=NOW) for at in range(of)]


def teach(house: House, *, certified: bool = True) -> tuple[str, str]:
    """Put two versions in force, one after the other; return their digests."""
    first = fit([*labels("acme/small", 40, of=50, cost=2_000_000), *labels("acme/large", 45, of=50, cost=9_000_000)])
    second = update(first, [*labels("acme/small", 182, of=200, cost=2_000_000), *labels("acme/large", 180, of=200, cost=9_000_000)])
    if certified:
        second = replace(second, certificates={"triage": encode(a_standing(second))})
    before = in_force(house, first, Version(by="pointsman", made="2026-01-20T00:00:00Z", labels=100, why=("Learned from 100 outcomes.",)))
    why = ("Learned from 400 outcomes.", "`acme/small` on `triage`: 0.80 → 0.89.")
    after = Version(by="ann", made="2026-01-30T00:00:00Z", labels=500, why=why, before=before)
    return before, in_force(house, second, after)


def a_standing(parameters: learned.Parameters) -> Standing:
    certificate = Certificate(
        capability="triage",
        incumbent="acme/large",
        targets=("acme/small",),
        threshold=-0.05,
        loss=0.02,
        sure=0.9,
        pairs=1200,
        pairs_elsewhere=500,
        share_elsewhere=0.42,
        mean=-0.004,
        bound=0.015,
        source="shadows",
        data="ab" * 16,
        from_ms=NOW - 20 * DAY,
        until_ms=NOW - 2 * DAY,
        made_ms=NOW - DAY,
        lapses_ms=NOW + 29 * DAY,
        parameters=predicting(parameters),
    )
    return Standing(certificate=certificate, drift=begun(certificate, None))


def in_force(house: House, parameters: learned.Parameters, version: Version) -> str:
    """Do what the learner does when something was learned."""
    gateway = house.gateway
    digest = folder_of(gateway.settings).keep(learned.encode(parameters))
    put_in_force(pointer_of(gateway.settings), replace(version, parameters=digest), folder=gateway.settings.folder)
    settings = load(gateway.settings.folder / "pointsman.yaml", facts(Prices(gateway.clock.wall_ms)))
    gateway.prepare(settings)
    assert gateway.reload(settings)
    gateway.ledger.flush(10)
    return digest


def weighed(*, reason: str = "") -> tuple[Weighed, ...]:
    small = Weighed(
        target="acme/small", quality=0.89, low=0.86, high=0.92, cost_nano_usd=2_000_000, latency_ms=400.0, value_nano_usd=-2_000_000, probability=0.98
    )
    large = Weighed(
        target="acme/large", quality=0.9, low=0.87, high=0.93, cost_nano_usd=9_000_000, latency_ms=400.0, value_nano_usd=-9_000_000, probability=0.02
    )
    return (replace(small, reason=reason), large)


def calls(house: House, *, every: int = 50, cost: int = 9_000_000) -> list[CallRecord]:
    """Write a hundred calls of the last days: most to `acme/small`, each `every`th tried on `acme/large` at a `cost`; return them."""
    found: list[CallRecord] = []
    for hour in range(100):
        tried = hour % every == 0
        entry = an_entry(cost=cost if tried else 2_000_000, target="acme/large" if tried else "acme/small", latency_ms=400.0)
        told: dict[str, Any] = {"reason": "explores" if tried else "certified", "mode": "explore" if tried else "policy", "propensity": 0.02 if tried else 0.98}
        snapshot, digest = house.gateway.settings.snapshot.digest, house.gateway.settings.snapshot.learned
        more: dict[str, Any] = {"capability": "triage", "workflow": "support", "weighed": weighed(), "learned": digest, "snapshot": snapshot, **told}
        found.append(a_record(hour, at_ms=NOW - (101 - hour) * HOUR, entries=(entry,), **more))
    house.remember(found)
    return found
