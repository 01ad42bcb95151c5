"""
The ledger beside the vendors' invoices: by vendor, model and day, how far they are apart, and what explains it.

Costs in the ledger stand in this order of trust: what the vendor's answer said, the contract's price, the catalogue's. An invoice corrects none of them: a
drift shows which price to mend, and `reprice` mends history.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.control.finops.span import DAY_MS, Span
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database, Row

REPORTED: Final = "vendor-reported"
CONTRACT: Final = "contract"
CATALOGUE: Final = "catalogue"
UNPRICED: Final = "unknown"
TOLERANCE: Final = 0.01


class Drift(Struct, frozen=True, kw_only=True):
    """
    One vendor's model on one day. `ledger_nano_usd` is what is known; `unknown` counts attempts without a cost; `sources` is where costs come from.

    Tokens of the invoice are None where it does not tell them. `flag` is `missing calls` (invoiced, not in the ledger), `not invoiced`, `unknown price`,
    `tokens differ`, `price differs`, or '' within the tolerance.
    """

    vendor: str
    model: str
    day_ms: int
    attempts: int = 0
    unknown: int = 0
    ledger_nano_usd: int = 0
    ledger_tokens: int = 0
    sources: tuple[str, ...] = ()
    invoiced_nano_usd: int = 0
    invoiced_tokens: int | None = None
    is_invoiced: bool = False
    flag: str = ""

    @property
    def drift_nano_usd(self) -> int:
        """The ledger less the invoice."""
        return self.ledger_nano_usd - self.invoiced_nano_usd

    @property
    def drift_share(self) -> float | None:
        """The drift as a share of the invoice."""
        return self.drift_nano_usd / self.invoiced_nano_usd if self.invoiced_nano_usd else None


class Reconciled(Struct, frozen=True, kw_only=True):
    """A span of whole days, the furthest apart first. The sums over `drifts` are the sums of ledger and invoices."""

    span: Span
    drifts: tuple[Drift, ...]

    @property
    def ledger_nano_usd(self) -> int:
        """What the ledger knows."""
        return sum(one.ledger_nano_usd for one in self.drifts)

    @property
    def invoiced_nano_usd(self) -> int:
        """What was invoiced."""
        return sum(one.invoiced_nano_usd for one in self.drifts)


def reconcile(db: Database, span: Span, *, vendor: str = "", tolerance: float = TOLERANCE) -> Reconciled:
    """
    Compare invoices with attempts, of one vendor or of all that sent an invoice in the span of whole days.

    The vendor of a target is the one in force (table `target`) on the day. Apart by at most `tolerance` (a share of the invoice) is no drift.
    """
    days = span.days
    lines = [row for row in db.rows(query("finops/invoiced"), {"since_ms": days.since_ms, "until_ms": days.until_ms}) if vendor in {"", row["vendor"]}]
    vendors = {row["vendor"].lower() for row in lines} or {vendor.lower()}
    found: dict[tuple[str, str, int], Drift] = {}
    for line in lines:
        key = (line["vendor"].lower(), line["model"].lower(), line["day_ms"])
        tokens = None if line["tokens"] is None else int(line["tokens"])
        found[key] = Drift(
            vendor=line["vendor"], model=line["model"], day_ms=line["day_ms"], invoiced_nano_usd=line["nano_usd"], invoiced_tokens=tokens, is_invoiced=True
        )
    known = db.rows(query("finops/targets"), {"until_ms": days.until_ms})
    for day_ms in days.day_starts:
        for row in db.rows(query("finops/attempted"), {"first_id": first_id(day_ms), "last_id": first_id(day_ms + DAY_MS)}):
            target = _in_force(known, row["target"], day_ms=day_ms)
            if target is not None and target["vendor"].lower() in vendors:
                _book(found, row, target=target, day_ms=day_ms)
    drifts = [_flagged(one, tolerance) for one in found.values()]
    return Reconciled(span=days, drifts=tuple(sorted(drifts, key=lambda one: (-abs(one.drift_nano_usd), one.vendor, one.model, one.day_ms))))


def source_of(price_id: str) -> str:
    """Return where a cost comes from, by its price's id."""
    if not price_id:
        return UNPRICED
    if price_id == REPORTED:
        return REPORTED
    return CATALOGUE if price_id.startswith("genai-prices:") else CONTRACT


def _in_force(known: list[Row], name: str, *, day_ms: int) -> Row | None:
    """Return the target as it was on a day, or as it was first known."""
    versions = [row for row in known if row["name"] == name]
    return next((row for row in reversed(versions) if row["since_ms"] < day_ms + DAY_MS), versions[0] if versions else None)


def _book(found: dict[tuple[str, str, int], Drift], row: Row, *, target: Row, day_ms: int) -> None:
    vendor = target["vendor"]
    # Invoices name the model as the vendor's answers do, or as it was asked for.
    keys = [(vendor.lower(), (model or "").lower(), day_ms) for model in (row["model"], target["model"])]
    key = next((key for key in keys if key in found), keys[1])
    there = found.get(key, Drift(vendor=vendor, model=target["model"], day_ms=day_ms))
    found[key] = replace(
        there,
        attempts=there.attempts + row["attempts"],
        unknown=there.unknown + row["unknown"],
        ledger_nano_usd=there.ledger_nano_usd + row["cost_nano_usd"],
        ledger_tokens=there.ledger_tokens + row["tokens"],
        sources=tuple(sorted({*there.sources, source_of(row["price_id"])})),
    )


def _flagged(one: Drift, tolerance: float) -> Drift:
    return replace(one, flag=_flag(one, tolerance))


def _flag(one: Drift, tolerance: float) -> str:
    if not one.is_invoiced:
        return "not invoiced" if one.ledger_nano_usd or one.unknown else ""
    if not one.attempts:
        return "missing calls" if one.invoiced_nano_usd else ""
    if one.unknown:
        return "unknown price"
    if abs(one.drift_nano_usd) <= tolerance * abs(one.invoiced_nano_usd):
        return ""
    if one.invoiced_tokens is not None and abs(one.ledger_tokens - one.invoiced_tokens) > tolerance * one.invoiced_tokens:
        return "missing calls" if one.ledger_tokens < one.invoiced_tokens else "tokens differ"
    return "price differs"
