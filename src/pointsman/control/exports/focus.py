"""
The ledger as a FOCUS 1.4 Cost and Usage dataset: a row for each day, workflow, target, price and meter.

Own places are billed by a provider named `internal`, so that own hardware, people and licences stand in one file with what vendors bill. The sum of
`BilledCost` is the sum of the entries of the span to the nano-dollar: attempts, charges, and hardware that was paid for and not used.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

import msgspec
from msgspec import Struct

from pointsman.control.exports import focus_questions as questions
from pointsman.control.exports.meters import (
    CACHE_READ,
    CACHE_WRITE,
    CORRECTION,
    HARDWARE,
    IDLE,
    INPUT,
    LICENCE,
    OUTPUT,
    REQUEST,
    REVIEW,
    UNITS,
    Metered,
    metered,
)
from pointsman.core.errors import BadRequest
from pointsman.core.money import NANO_PER_USD
from pointsman.core.place import Place
from pointsman.storage.analytics import Analytics
from pointsman.storage.sql import Row

DAY_MS: Final = 86_400_000
INTERNAL: Final = "internal"
_NOWHERE: Final = "Not Applicable"
_PRICE_DIGITS: Final = Decimal("1e-20")
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
_MINUTE: Final = Decimal(60)
_TOKEN_METERS: Final = frozenset({INPUT, OUTPUT, CACHE_READ, CACHE_WRITE})
_AI: Final = "AI and Machine Learning"
_SERVICES: Final[Mapping[str, tuple[str, str, str]]] = {
    REVIEW: ("Business Applications", "Other (Business Applications)", "Human work"),
    LICENCE: ("Business Applications", "Other (Business Applications)", "Licences"),
    CORRECTION: ("Business Applications", "Other (Business Applications)", "Corrections"),
    HARDWARE: (_AI, "Generative AI", "Own hardware"),
    IDLE: (_AI, "Generative AI", "Own hardware"),
}
_ALLOCATED_BY: Final = "busy-time-share"

Cell = str | Decimal | int | None
FocusRow = Mapping[str, Cell]


class Known(Struct, frozen=True, kw_only=True):
    """What is known of targets, prices and owners."""

    targets: Mapping[str, Row]
    prices: Mapping[tuple[str, str], Row]
    owners: Mapping[str, str]

    def price(self, price_id: str, target: str) -> Row | None:
        """Return the price of this target, or the one that holds for all."""
        return self.prices.get((price_id, target)) or self.prices.get((price_id, ""))


class Line(Struct, frozen=True, kw_only=True):
    """One row before it has FOCUS' words. An empty text is what is not known, or does not apply."""

    day_ms: int
    metered: Metered
    workflow: str = ""
    tenant: str = ""
    team: str = ""
    application: str = ""
    data_class: str = ""
    tags: str = "{}"
    snapshot: str = ""
    place: str = ""
    target: str = ""
    price_id: str = ""
    unknown: int = 0
    counted: int = 0


def focus(asked: Analytics, *, since_ms: int, until_ms: int, account: str = "pointsman") -> list[FocusRow]:
    """
    Return the rows of a span of whole days (Unix milliseconds) by day; `account` is the billing account they stand under.

    Raises `BadRequest` for a span that is none, and what `Analytics.rows` raises.
    """
    if since_ms % DAY_MS or until_ms % DAY_MS or since_ms >= until_ms:
        raise BadRequest("FOCUS rows are by the day. Give a span that begins and ends at midnight (UTC).")
    span = {"since": since_ms, "until": until_ms}
    known = Known(
        targets={str(row["name"]): row for row in asked.rows(questions.TARGETS)},
        prices={(str(row["price_id"]), str(row["target"])): row for row in asked.rows(questions.PRICES)},
        owners={str(row["name"]): str(row["owner"]) for row in asked.rows(questions.OWNERS)},
    )
    lines = [line for row in asked.rows(questions.ATTEMPTS, span) for line in _of_attempts(row, known)]
    lines += [_of_charge(row) for row in asked.rows(questions.CHARGES, span)]
    lines += [_of_idle(row) for row in asked.rows(questions.IDLE, span) if row["nano_usd"] or row["idle_s"]]
    lines.sort(key=lambda line: (line.day_ms, line.workflow, line.tenant))
    units = {(int(row["day_ms"]), str(row["workflow"]), str(row["tenant"])): row for row in asked.rows(questions.UNITS, span)}
    return [_row(line, known, account=account, units=units.pop((line.day_ms, line.workflow, line.tenant), None)) for line in lines]


def total_nano_usd(asked: Analytics, *, since_ms: int, until_ms: int) -> int:
    """Return the sum of all entries of a span, which the rows of `focus` add up to."""
    return int(asked.rows(questions.TOTAL, {"since": since_ms, "until": until_ms})[0]["nano_usd"])


def month_ms(text: str) -> tuple[int, int]:
    """Return the span of a month such as `2026-10`. Raises `BadRequest`."""
    try:
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError as error:
        raise BadRequest(f"`{text[:20]}` is no month. Write it as `2026-10`.") from error
    return int(first.timestamp()) * 1000, int(_next_month(first).timestamp()) * 1000


# ── lines ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_attempts(row: Row, known: Known) -> list[Line]:
    same: dict[str, Any] = {name: row[name] for name in ("workflow", "tenant", "team", "application", "data_class", "tags", "snapshot", "place", "target")}
    parts = metered(row, known.price(str(row["price_id"]), str(row["target"])))
    return [
        Line(
            day_ms=int(row["day_ms"]),
            metered=part,
            price_id=str(row["price_id"]),
            unknown=int(row["unknown"]) if index == 0 else 0,
            counted=int(row["attempts"]) if index == 0 else 0,
            **same,
        )
        for index, part in enumerate(parts)
    ]


def _of_charge(row: Row) -> Line:
    kind, nano_usd, count = str(row["kind"]), int(row["nano_usd"]), int(row["charges"])
    minutes = (Decimal(str(row["seconds"])) / _MINUTE).quantize(Decimal("0.000001"))
    if kind == "human":
        part = Metered(meter=REVIEW, quantity=minutes, nano_usd=nano_usd) if minutes else Metered(meter=REQUEST, quantity=Decimal(count), nano_usd=nano_usd)
    elif kind == LICENCE:
        part = Metered(meter=LICENCE, quantity=Decimal(count), nano_usd=nano_usd)
    else:
        part = Metered(meter=CORRECTION, quantity=Decimal(count), nano_usd=nano_usd)
    place = Place.PEOPLE.value if kind == "human" else ""
    named = str(row["queue"] or (row["source"] if kind == LICENCE else "") or kind)
    return Line(day_ms=int(row["day_ms"]), metered=part, workflow=str(row["workflow"]), tenant=str(row["tenant"]), place=place, target=named, counted=count)


def _of_idle(row: Row) -> Line:
    seconds = max(Decimal(str(row["idle_s"])).quantize(Decimal("0.000001")), Decimal(0))
    part = Metered(meter=IDLE, quantity=seconds or Decimal(1), nano_usd=int(row["nano_usd"]))
    return Line(day_ms=int(row["day_ms"]), metered=part, place=Place.PRIVATE.value, target=str(row["target"]), price_id="hardware")


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _row(line: Line, known: Known, *, account: str, units: Row | None) -> FocusRow:
    target = known.targets.get(line.target)
    vendor = _vendor(line, target)
    day = datetime.fromtimestamp(line.day_ms / 1000, UTC)
    category, subcategory, service = _SERVICES.get(line.metered.meter, (_AI, "Generative AI", "Model inference"))
    cost = Decimal(line.metered.nano_usd) / NANO_PER_USD
    is_shared = line.metered.meter == HARDWARE
    cells: dict[str, Cell] = {
        "AllocatedMethodId": _ALLOCATED_BY if line.metered.meter in {HARDWARE, IDLE} else None,
        "AllocatedResourceId": line.workflow if is_shared else None,
        "AllocatedResourceName": line.workflow if is_shared else None,
        "BilledCost": cost,
        "BillingAccountId": account,
        "BillingAccountName": account,
        "BillingAccountType": "Gateway",
        "BillingCurrency": "USD",
        "BillingPeriodEnd": _at(_next_month(day.replace(day=1))),
        "BillingPeriodStart": _at(day.replace(day=1)),
        "ChargeClass": None,
        "ChargePeriodEnd": _at(day + timedelta(days=1)),
        "ChargePeriodStart": _at(day),
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "HostProviderName": vendor if category == _AI else _NOWHERE,
        "InvoiceDetailId": None,
        "InvoiceId": None,
        "InvoiceIssuerName": vendor,
        "ListCost": cost,
        "PricingCurrency": "USD",
        "RegionId": _told(target, "region"),
        "ResourceId": line.target or None,
        "ResourceName": line.target or None,
        "ResourceType": _kind(line),
        "ServiceCategory": category,
        "ServiceName": service,
        "ServiceProviderName": vendor,
        "ServiceSubcategory": subcategory,
        "SubAccountId": line.tenant or None,
        "SubAccountName": line.tenant or None,
        "SubAccountType": "Tenant" if line.tenant else None,
        "Tags": _tags(line, known),
        **_charged(line),
        **_priced(line, cost, vendor=vendor, model=_told(target, "model") or line.target),
        **_own(line, target, units=units),
    }
    return dict(sorted(cells.items(), key=lambda cell: (cell[0].startswith("x_"), cell[0])))


def _own(line: Line, target: Row | None, *, units: Row | None) -> dict[str, Cell]:
    return {
        "x_CostSource": line.price_id.split(":")[0] or ("charge" if line.metered.meter in {REVIEW, LICENCE, CORRECTION} else "none"),
        "x_CostState": "known" if not line.unknown else "unknown" if line.unknown == line.counted else "partial",
        "x_Model": _told(target, "model"),
        "x_Placement": line.place or None,
        "x_PolicyVersion": line.snapshot or None,
        "x_UnitsCompleted": None if units is None else int(units["told"]),
        "x_UnknownCosts": line.unknown,
        "x_UsefulOutcomes": None if units is None else int(units["useful"]),
        "x_Workflow": line.workflow or None,
    }


def _charged(line: Line) -> dict[str, Cell]:
    meter = line.metered.meter
    category, frequency = {LICENCE: ("Purchase", "Recurring"), CORRECTION: ("Adjustment", "One-Time")}.get(meter, ("Usage", "Usage-Based"))
    of_what = f" of {line.target}" if line.target else ""
    for_whom = f" for {line.workflow}" if line.workflow else ", not allocated"
    return {"ChargeCategory": category, "ChargeFrequency": frequency, "ChargeDescription": f"{meter}{of_what}{for_whom}"}


def _priced(line: Line, cost: Decimal, *, vendor: str, model: str) -> dict[str, Cell]:
    """Return quantity and unit price. What is known is the cost; the unit price is the cost by the quantity, so that their product is the cost."""
    meter = line.metered.meter
    names = ("PricingQuantity", "PricingUnit", "ContractedUnitPrice", "ListUnitPrice", "ConsumedQuantity", "ConsumedUnit")
    skus = ("SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId", "PricingCategory")
    if meter == CORRECTION:
        return dict.fromkeys((*names, *skus))
    # A price is never below zero: money that comes back is a quantity that comes back.
    quantity = line.metered.quantity.copy_sign(cost) if cost else line.metered.quantity
    price = abs(_EXACT.divide(cost, quantity)).quantize(_PRICE_DIGITS, context=_EXACT)
    sku = f"{vendor}/{model or line.target}/{meter}"
    is_used = meter != LICENCE
    return {
        "PricingQuantity": quantity,
        "PricingUnit": UNITS[meter],
        "ContractedUnitPrice": price,
        "ListUnitPrice": price,
        "ConsumedQuantity": quantity if is_used else None,
        "ConsumedUnit": UNITS[meter] if is_used else None,
        "PricingCategory": "Standard",
        "SkuId": sku,
        "SkuMeter": meter,
        "SkuPriceDetails": _json({"x_TokenType": meter}) if meter in _TOKEN_METERS else None,
        "SkuPriceId": f"{sku}@{line.price_id or 'unpriced'}",
    }


def _vendor(line: Line, target: Row | None) -> str:
    if line.place != Place.CLOUD.value:
        return INTERNAL
    return _told(target, "vendor") or line.target.split("/")[0] or INTERNAL


def _kind(line: Line) -> str | None:
    if line.metered.meter in {HARDWARE, IDLE}:
        return "Hardware"
    return "Endpoint" if line.target and line.metered.meter in {*_TOKEN_METERS, REQUEST} else None if not line.target else "Other"


def _tags(line: Line, known: Known) -> str:
    """Return the caller's tags by their names, and ours under a prefix, as the specification asks of a provider's own."""
    ours = {
        "pointsman/workflow": line.workflow,
        "pointsman/owner": known.owners.get(line.workflow, ""),
        "pointsman/team": line.team,
        "pointsman/application": line.application,
        "pointsman/data_class": line.data_class,
    }
    theirs = msgspec.json.decode(line.tags or "{}", type=dict[str, str])
    return _json({**{key: value for key, value in ours.items() if value}, **theirs})


def _told(row: Row | None, name: str) -> str | None:
    return None if row is None else str(row[name] or "") or None


def _json(value: Mapping[str, str]) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _at(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _next_month(first: datetime) -> datetime:
    return (first + timedelta(days=31)).replace(day=1)
