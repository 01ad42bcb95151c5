"""
Whether rows are FOCUS: the columns, types, nulls and values of the specification, and the rules that bind columns to each other.

The columns are kept in `data/focus_columns.json`. `seen` marks those whose own page of the specification was read for it; the others follow the version that
introduced them. Rules about invoices, price lists and documentation cannot be checked in a file.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec
from msgspec import Struct

_TIME: Final = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
_CURRENCY: Final = re.compile(r"^[A-Z]{3}$")
_NAME: Final = re.compile(r"^(x_)?[A-Z][A-Za-z0-9]*$")
_NUMBER: Final = re.compile(r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$")
# Half a nano-dollar: a price has finitely many digits, so its product with a quantity may be off by less than that.
_CLOSE: Final = Decimal("0.0000000005")
_MOST_TOLD: Final = 100

Told = Mapping[str, object]


class Column(Struct, frozen=True, kw_only=True):
    """A column of the specification."""

    name: str
    type: str
    level: str
    nulls: bool
    since: str
    seen: bool
    values: tuple[str, ...] = ()
    least: int | None = None


class Specification(Struct, frozen=True, kw_only=True):
    """What is known of the specification."""

    specification: str
    removed: tuple[str, ...]
    columns: tuple[Column, ...]
    subcategories: Mapping[str, tuple[str, ...]]


class Fault(Struct, frozen=True, kw_only=True):
    """What is wrong: in how many rows, and in which first (from 1; 0 is the header)."""

    column: str
    says: str
    rows: int
    first: int


@cache
def specification() -> Specification:
    """Return the columns of FOCUS 1.4."""
    return msgspec.json.decode(resources.files("pointsman.control.exports").joinpath("data/focus_columns.json").read_bytes(), type=Specification)


def check(columns: Sequence[str], rows: Iterable[Told]) -> list[Fault]:
    """
    Return what is wrong with a dataset, at most 100 faults; none if it is FOCUS 1.4 as far as a file can be. Nulls are None or an empty text.
    """
    found: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], int] = {}
    for fault in _of_header(columns):
        found[fault] += 1
        first[fault] = 0
    known = {column.name: column for column in specification().columns}
    present = [known[name] for name in columns if name in known]
    for number, told in enumerate(rows, 1):
        row = {name: None if value == "" else value for name, value in told.items()}
        for fault in [*_of_cells(present, row), *_of_row(row)]:
            found[fault] += 1
            first.setdefault(fault, number)
    return [Fault(column=column, says=says, rows=count, first=first[column, says]) for (column, says), count in found.items()][:_MOST_TOLD]


def _of_header(columns: Sequence[str]) -> list[tuple[str, str]]:
    told = specification()
    known = {column.name for column in told.columns}
    faults = [(column.name, "is mandatory and missing") for column in told.columns if column.level == "Mandatory" and column.name not in columns]
    for name in columns:
        if name in told.removed:
            faults.append((name, "was removed from the specification"))
        elif not _NAME.match(name) or (name not in known and not name.startswith("x_")):
            faults.append((name, "is no column of the specification; own columns begin with `x_`"))
    return [*faults, *((name, "is there twice") for name, count in Counter(columns).items() if count > 1)]


def _of_cells(present: Sequence[Column], row: Told) -> list[tuple[str, str]]:
    faults: list[tuple[str, str]] = []
    for column in present:
        value = row.get(column.name)
        if value is None:
            if not column.nulls:
                faults.append((column.name, "must not be null"))
        elif not _TYPES[column.type](value):
            faults.append((column.name, f"is not of type {column.type}"))
        elif column.values and value not in column.values:
            faults.append((column.name, "is none of the allowed values"))
        elif column.least is not None and Decimal(str(value)) < column.least:
            faults.append((column.name, f"is below {column.least}"))
    return faults


def _is_decimal(value: object) -> bool:
    if isinstance(value, int | float | Decimal):
        return Decimal(value).is_finite()
    return isinstance(value, str) and bool(_NUMBER.match(value))


def _is_object(value: object) -> bool:
    try:
        return isinstance(msgspec.json.decode(str(value)), dict)
    except msgspec.DecodeError:
        return False


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value == value.strip()


def _is_time(value: object) -> bool:
    return bool(_TIME.match(str(value)))


_TYPES: Final[Mapping[str, Callable[[object], bool]]] = {"String": _is_text, "Decimal": _is_decimal, "Date/Time": _is_time, "JSON": _is_object}


# ── rules that bind columns ─────────────────────────────────────────────────────────────────────────────────────────


def _of_row(row: Told) -> list[tuple[str, str]]:
    return [(column, says) for column, says, is_broken in _RULES if is_broken(row)]


def _is_charged(row: Told) -> bool:
    return row.get("ChargeCategory") in {"Usage", "Purchase"} and row.get("ChargeClass") != "Correction"


def _lacks(name: str) -> Callable[[Told], bool]:
    return lambda row: name in row and row[name] is None and _is_charged(row)


def _needs(name: str, other: str) -> Callable[[Told], bool]:
    return lambda row: row.get(name) is not None and other in row and row[other] is None


def _differs(cost: str, price: str) -> Callable[[Told], bool]:
    def is_broken(row: Told) -> bool:
        told = [_number(row.get(name)) for name in (cost, price, "PricingQuantity")]
        if any(number is None for number in told):
            return False
        paid, each, quantity = (number for number in told if number is not None)
        return abs(paid - each * quantity) > _CLOSE

    return is_broken


def _number(value: object) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None


def _is_after(begin: str, end: str) -> Callable[[Told], bool]:
    return lambda row: str(row.get(begin) or "") >= str(row.get(end) or "~")


def _outside(row: Told) -> bool:
    begin, end = str(row.get("ChargePeriodStart") or ""), str(row.get("ChargePeriodEnd") or "")
    return row.get("ChargeClass") != "Correction" and not (str(row.get("BillingPeriodStart") or "") <= begin and end <= str(row.get("BillingPeriodEnd") or "~"))


def _odd_subcategory(row: Told) -> bool:
    allowed = specification().subcategories.get(str(row.get("ServiceCategory")))
    return allowed is not None and row.get("ServiceSubcategory") is not None and row["ServiceSubcategory"] not in allowed


def _odd_currency(row: Told) -> bool:
    return row.get("BillingCurrency") is not None and not _CURRENCY.match(str(row["BillingCurrency"]))


def _odd_keys(row: Told) -> bool:
    details = row.get("SkuPriceDetails")
    if details is None or not _is_object(details):
        return False
    keys: dict[str, Any] = msgspec.json.decode(str(details))
    return any(not key.startswith("x_") and key not in _PRICE_KEYS for key in keys)


_PRICE_KEYS: Final = frozenset(
    {
        *("CoreCount", "DiskMaxIops", "DiskSpace", "DiskType", "GpuCount", "InstanceType", "InstanceSeries"),
        *("MemorySize", "NetworkMaxIops", "NetworkMaxThroughput", "OperatingSystem", "Redundancy", "StorageClass"),
    }
)
_RULES: Final[Sequence[tuple[str, str, Callable[[Told], bool]]]] = (
    *(
        (name, "must not be null for usage and purchases", _lacks(name))
        for name in ("SkuId", "SkuPriceId", "PricingQuantity", "PricingUnit", "PricingCategory")
    ),
    *((name, "must not be null for usage and purchases", _lacks(name)) for name in ("ListUnitPrice", "ContractedUnitPrice")),
    *((name, "must be null without a `SkuPriceId`", _needs(name, "SkuPriceId")) for name in ("PricingQuantity", "ListUnitPrice", "ContractedUnitPrice")),
    *((name, "must be null without a `SkuPriceId`", _needs(name, "SkuPriceId")) for name in ("PricingCategory", "SkuPriceDetails", "ConsumedQuantity")),
    ("SkuMeter", "must be null without a `SkuId`", _needs("SkuMeter", "SkuId")),
    ("PricingUnit", "must be told with `PricingQuantity`", _needs("PricingQuantity", "PricingUnit")),
    ("ConsumedUnit", "must be told with `ConsumedQuantity`", _needs("ConsumedQuantity", "ConsumedUnit")),
    ("ConsumedQuantity", "must be null without `ConsumedUnit`", _needs("ConsumedUnit", "ConsumedQuantity")),
    ("ConsumedQuantity", "is only for usage", lambda row: row.get("ConsumedQuantity") is not None and row.get("ChargeCategory") != "Usage"),
    (
        "ConsumedQuantity",
        "must not be null for usage",
        lambda row: "ConsumedQuantity" in row and row["ConsumedQuantity"] is None and _is_charged(row) and row["ChargeCategory"] == "Usage",
    ),
    (
        "ChargeFrequency",
        "of a purchase is not `Usage-Based`",
        lambda row: (row.get("ChargeCategory"), row.get("ChargeFrequency")) == ("Purchase", "Usage-Based"),
    ),
    ("ContractedCost", "is not `ContractedUnitPrice` times `PricingQuantity`", _differs("ContractedCost", "ContractedUnitPrice")),
    ("ListCost", "is not `ListUnitPrice` times `PricingQuantity`", _differs("ListCost", "ListUnitPrice")),
    ("ChargePeriodEnd", "is not after its start", _is_after("ChargePeriodStart", "ChargePeriodEnd")),
    ("BillingPeriodEnd", "is not after its start", _is_after("BillingPeriodStart", "BillingPeriodEnd")),
    ("ChargePeriodStart", "is outside of the billing period", _outside),
    ("ServiceSubcategory", "does not belong to its `ServiceCategory`", _odd_subcategory),
    ("BillingCurrency", "is no code of ISO 4217", _odd_currency),
    ("ResourceType", "must be told with `ResourceId`", _needs("ResourceId", "ResourceType")),
    ("ResourceId", "must be told with `ResourceType`", _needs("ResourceType", "ResourceId")),
    ("SubAccountType", "must be told with `SubAccountId`", _needs("SubAccountId", "SubAccountType")),
    ("SkuPriceDetails", "holds a key that is neither the specification's nor begins with `x_`", _odd_keys),
    ("InvoiceDetailId", "needs an `InvoiceId`", _needs("InvoiceDetailId", "InvoiceId")),
)
