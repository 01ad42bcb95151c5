"""
Vendors and targets: whether each is asked now, how it did lately, what it costs and since when that is known, its terms; and the switches that shut one off.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from pointsman.app.switches import KINDS, Off, switched, unknown_in
from pointsman.console.frame import Ask, Shown
from pointsman.console.money import counted
from pointsman.control.finops.spent import spent
from pointsman.core.errors import BadRequest, UnknownRoute
from pointsman.core.target import Price, Target, Vendor
from pointsman.ledger.scorecard import quantile, stride_ms
from pointsman.ledger.slices import Slice
from pointsman.storage.database import query
from pointsman.storage.sql import Database

_PLACE: Final = "/console/vendors"
_LONGEST: Final = 500


class Did(Struct, frozen=True, kw_only=True):
    """What one target did in a span: calls that ended there, those it answered, attempts that failed there, and what the calls cost."""

    calls: int = 0
    ok: int = 0
    failed: int = 0
    cost_nano_usd: int = 0
    cost_unknown: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None

    @property
    def failed_share(self) -> float | None:
        """The share of attempts there that failed."""
        return self.failed / (self.failed + self.ok) if self.failed + self.ok else None


class Stand(Struct, frozen=True, kw_only=True):
    """One target with why it is passed over now (None: it is asked), what it did, and its price."""

    target: Target
    health: str | None
    did: Did
    price: Price | None
    off: Off | None


class House(Struct, frozen=True, kw_only=True):
    """One vendor with its targets."""

    vendor: Vendor
    off: Off | None
    is_overdue: bool
    stands: tuple[Stand, ...]


def vendors(ask: Ask, db: Database) -> Shown:
    """Show vendors and targets."""
    off = {(one.kind, one.name): one for one in switched(db)}
    did = _did(ask, db)
    snapshot, control = ask.control.snapshot, ask.control
    stands: dict[str, list[Stand]] = defaultdict(list)
    for name, target in snapshot.targets.items():
        one = Stand(target=target, health=control.health(name), did=did.get(name, Did()), price=control.price(target), off=off.get(("target", name)))
        stands["" if target.vendor is None else target.vendor.name].append(one)
    now_s = control.now_ms() / 1000
    houses = [
        House(
            vendor=vendor,
            off=off.get(("vendor", name)),
            is_overdue=vendor.terms.next_review_s is not None and vendor.terms.next_review_s <= now_s,
            stands=tuple(stands.get(name, ())),
        )
        for name, vendor in snapshot.vendors.items()
    ]
    # Every vendor that this product knows may be named by a call for a raw target; those that nobody uses need one line.
    used = [house for house in houses if house.stands or house.off]
    values = {
        "houses": used,
        "others": [house.vendor.name for house in houses if house not in used],
        "off": list(off.values()),
        "capabilities": tuple(snapshot.capabilities),
    }
    return Shown(template="vendors.html", title="Vendors and targets", values=values)


def ask_switch(ask: Ask, db: Database) -> Shown:
    """Show what a switch would do, and ask for the reason. Raises `UnknownRoute`."""
    kind, name = _meant(ask.word("kind"), ask.word("name", longest=_LONGEST))
    off = next((one for one in switched(db) if (one.kind, one.name) == (kind, name)), None)
    if off is None and unknown_in(ask.control.snapshot, kind, name=name):
        raise UnknownRoute(f"There is no {kind} `{name}` in this configuration. Choose one from the list.")
    values = {"kind": kind, "name": name, "off": off, "meets": meets(ask, kind, name=name)}
    return Shown(template="switch.html", title=f"Switch {name} {'off' if off is None else 'on'}", values=values, has_span=False)


def switch(ask: Ask, db: Database) -> Shown:
    """Shut something off, or let it run again. Raises `BadRequest`."""
    del db
    state = ask.form.get("state", "")
    if state not in {"off", "on"}:
        raise BadRequest("Say whether it is to be `off` or `on`.", field="state")
    kind, name = _meant(ask.form.get("kind", ""), ask.form.get("name", ""))
    ask.control.steering.switch(kind, name, is_off=state == "off", actor=ask.who, reason=ask.form.get("reason", "").strip())
    return Shown(to=_PLACE)


def meets(ask: Ask, kind: str, *, name: str) -> Mapping[str, tuple[str, ...]]:
    """Return which capabilities a switch meets, each with the targets of its ladder that are left."""
    found: dict[str, tuple[str, ...]] = {}
    for capability, told in ask.control.snapshot.capabilities.items():
        left = tuple(target.name for target in told.ladder if not _shut(target, kind, name=name))
        if kind == "capability" and capability == name:
            found[capability] = ()
        elif kind != "capability" and len(left) < len(told.ladder):
            found[capability] = left
    return found


def _shut(target: Target, kind: str, *, name: str) -> bool:
    return target.name == name if kind == "target" else kind == "vendor" and target.vendor is not None and target.vendor.name == name


def _meant(kind: str, name: str) -> tuple[str, str]:
    if kind not in KINDS or not name:
        raise BadRequest(f"Name what is meant: a `kind` ({', '.join(KINDS)}) and its `name`.", field="kind")
    return kind, name


def _did(ask: Ask, db: Database) -> dict[str, Did]:
    span = counted(ask)
    bounds: dict[str, object] = {"since_ms": span.since_ms, "until_ms": span.until_ms}
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for flow in spent(db, span):
        for place, more in enumerate((flow.calls, flow.ok, flow.cost_nano_usd, flow.cost_unknown)):
            sums[flow.target][place] += more
    failed = {row["target"]: row["failed"] for row in db.rows(query("console/target_failures"), bounds)}
    stride = stride_ms(Slice(since_ms=span.since_ms, until_ms=span.until_ms))
    bins: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in db.rows(query("console/target_latency"), {**bounds, "stride_ms": stride}):
        bins[row["target"]].append((row["bin"], row["calls"]))
    return {
        name: Did(
            calls=sums[name][0],
            ok=sums[name][1],
            cost_nano_usd=sums[name][2],
            cost_unknown=sums[name][3],
            failed=failed.get(name, 0),
            p50_ms=quantile(bins[name], 0.5) if bins.get(name) else None,
            p95_ms=quantile(bins[name], 0.95) if bins.get(name) else None,
        )
        for name in {*sums, *failed}
    }
