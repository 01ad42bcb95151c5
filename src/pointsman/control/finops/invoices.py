"""
Invoices of vendors as CSV: FOCUS, or any other with the columns named. What is read becomes rows of `invoice_line`, to compare the ledger with.
"""

import csv
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from msgspec import Struct

from pointsman.control.finops.span import DAY_MS
from pointsman.core.errors import BadRequest
from pointsman.core.money import nano
from pointsman.storage.database import query
from pointsman.storage.sql import Database

MOST_LINES: Final = 200_000
_FIELDS: Final = frozenset({"vendor", "model", "day", "usd", "tokens_in", "tokens_out", "currency"})
_NEEDED: Final = ("day", "usd")
_PLAIN: Final[Mapping[str, str]] = {name: name for name in ("vendor", "model", "day", "usd", "tokens_in", "tokens_out", "currency")}
# FOCUS 1.4, and the `x_` column in which exporters tell the model; ServiceName stands in where they do not.
_FOCUS: Final[Mapping[str, str]] = {
    "vendor": "ServiceProviderName",
    "model": "x_Model",
    "day": "ChargePeriodStart",
    "usd": "BilledCost",
    "currency": "BillingCurrency",
}
_FOCUS_BEFORE: Final[Mapping[str, str]] = {**_FOCUS, "vendor": "ProviderName"}


class Line(Struct, frozen=True, kw_only=True):
    """One line of an invoice: what a vendor asks for a model on a day (its start in Unix milliseconds, UTC). Tokens are None where it does not say."""

    line: int
    vendor: str
    model: str
    day_ms: int
    nano_usd: int
    tokens_in: int | None = None
    tokens_out: int | None = None


def lines_of(rows: Iterable[str], *, columns: Mapping[str, str] | None = None, vendor: str = "") -> tuple[Line, ...]:
    """
    Return the lines of a CSV with a header. `columns` names the columns that differ from `vendor`, `model`, `day`, `usd`, `tokens_in`, `tokens_out`.

    A FOCUS file is known by its columns. `vendor` is for files without one. Raises `BadRequest` with the line that cannot be read, for a currency that is not
    USD, or for more than 200,000 lines.
    """
    unknown = sorted(set(columns or {}) - _FIELDS)
    if unknown:
        raise BadRequest(f"`{unknown[0]}` is nothing that is read from an invoice. Name columns for {', '.join(sorted(_FIELDS))}.")
    reader = csv.DictReader(rows)
    names = _names(tuple(reader.fieldnames or ()), columns or {})
    found: list[Line] = []
    for number, row in enumerate(reader, start=2):
        if len(found) >= MOST_LINES:
            raise BadRequest(f"The invoice has more than {MOST_LINES:,} lines. Import it in parts.")
        found.append(_line(row, names, number=number, vendor=vendor))
    return tuple(found)


def keep(db: Database, invoice: str, *, lines: Iterable[Line]) -> int:
    """Keep an invoice under its name, in the place of what was kept under it; return how many lines it has."""
    count = 0
    with db.transaction():
        db.execute(query("finops/forget_invoice"), {"invoice": invoice})
        for line in lines:
            row = {"invoice": invoice, "line": line.line, "vendor": line.vendor, "model": line.model, "day_ms": line.day_ms, "nano_usd": line.nano_usd}
            db.execute(query("finops/keep_invoice"), {**row, "tokens_in": line.tokens_in, "tokens_out": line.tokens_out})
            count += 1
    return count


def _names(header: tuple[str, ...], told: Mapping[str, str]) -> dict[str, str]:
    known = _PLAIN
    if _FOCUS["usd"] in header and _FOCUS["day"] in header:
        known = _FOCUS if _FOCUS["vendor"] in header else _FOCUS_BEFORE
        if "x_Model" not in header:
            known = {**known, "model": "ServiceName"}
    names = {**known, **told}
    missing = [field for field in (*_NEEDED, *told) if names[field] not in header]
    if missing:
        has = ", ".join(f"`{name}`" for name in header) or "none"
        raise BadRequest(f"The invoice has no column `{names[missing[0]]}`. It has {has}: map them as `{missing[0]}=COLUMN`.")
    return names


def _line(row: Mapping[str, str | None], names: Mapping[str, str], *, number: int, vendor: str) -> Line:
    def cell(field: str) -> str:
        return (row.get(names.get(field, "")) or "").strip()

    if cell("currency") not in {"", "USD"}:
        raise BadRequest(f"Line {number} of the invoice is in `{cell('currency')[:10]}`. Convert it to USD first.")
    who = cell("vendor") or vendor
    if not who:
        raise BadRequest(f"Line {number} of the invoice names no vendor. Say which with --vendor.")
    try:
        return Line(
            line=number,
            vendor=who,
            model=cell("model"),
            day_ms=_day_ms(cell("day")),
            nano_usd=nano(Decimal(cell("usd").replace(",", "").removeprefix("$"))),
            tokens_in=_count(cell("tokens_in")),
            tokens_out=_count(cell("tokens_out")),
        )
    except (ValueError, InvalidOperation, OverflowError):
        raise BadRequest(f"Line {number} of the invoice cannot be read. A day is `2026-10-31`, an amount `12.50`, tokens are whole numbers.") from None


def _day_ms(text: str) -> int:
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return int(at.timestamp() * 1000) // DAY_MS * DAY_MS


def _count(text: str) -> int | None:
    return int(Decimal(text.replace(",", ""))) if text else None
