"""
Invoices: what can be read, and how far the ledger is apart from them.
"""

import pytest
from tests.control.finops import rows
from tests.storage.databases import each_database, each_place

from pointsman.control.finops import invoices
from pointsman.control.finops.invoices import Line, keep, lines_of
from pointsman.control.finops.reconcile import reconcile, source_of
from pointsman.control.finops.span import DAY_MS
from pointsman.core.errors import BadRequest
from pointsman.core.ids import uuid7
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

PLAIN = ["vendor,model,day,usd,tokens_in,tokens_out\n", 'acme,small,2026-10-01,"$1,000.50","1,000",20\n', "acme,large,2026-10-02,-2,,\n"]
FOCUS = "BilledCost,BillingCurrency,ChargePeriodStart,ServiceName,{vendor}\n"


def test_a_plain_file_is_read_with_its_amounts_and_days() -> None:
    assert lines_of(PLAIN) == (
        Line(line=2, vendor="acme", model="small", day_ms=rows.OCT_MS, nano_usd=1_000_500_000_000, tokens_in=1000, tokens_out=20),
        Line(line=3, vendor="acme", model="large", day_ms=rows.OCT_MS + DAY_MS, nano_usd=-2_000_000_000),
    )


@pytest.mark.parametrize("vendor", ["ServiceProviderName", "ProviderName"])
def test_a_focus_file_is_known_by_its_columns(vendor: str) -> None:
    text = [FOCUS.format(vendor=vendor), "1.5,USD,2026-10-01T23:30:00-02:00,small,acme\n"]
    assert lines_of(text) == (Line(line=2, vendor="acme", model="small", day_ms=rows.OCT_MS + DAY_MS, nano_usd=1_500_000_000),)
    assert lines_of([text[0].replace("ServiceName", "x_Model,ServiceName"), "1.5,USD,2026-10-01,own,AI,acme\n"])[0].model == "own"


def test_columns_with_other_names_are_mapped_and_a_vendor_may_be_told() -> None:
    found = lines_of(["Date,Amount\n", "2026-10-01,3\n"], columns={"day": "Date", "usd": "Amount"}, vendor="acme")
    assert found == (Line(line=2, vendor="acme", model="", day_ms=rows.OCT_MS, nano_usd=3_000_000_000),)


@pytest.mark.parametrize(
    ("text", "columns", "says"),
    [
        (["a,b\n"], {}, "has no column `day`. It has `a`, `b`: map them as `day=COLUMN`"),
        ([], {}, "has no column `day`. It has none"),
        (PLAIN, {"usd": "Amount"}, "has no column `Amount`"),
        (PLAIN, {"price": "usd"}, "`price` is nothing that is read"),
        (["day,usd\n", "2026-10-01,1\n"], {}, "Line 2 of the invoice names no vendor"),
        (["vendor,day,usd,currency\n", "acme,2026-10-01,1,EUR\n"], {}, "is in `EUR`"),
        (["vendor,day,usd\n", "acme,yesterday,1\n"], {}, "Line 2 of the invoice cannot be read"),
        (["vendor,day,usd\n", "acme,2026-10-01,much\n"], {}, "Line 2 of the invoice cannot be read"),
        (["vendor,day,usd\n", "acme,2026-10-01,NaN\n"], {}, "Line 2 of the invoice cannot be read"),
        (["vendor,day,usd\n", "acme,2026-10-01\n"], {}, "Line 2 of the invoice cannot be read"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line_and_the_remedy(text: list[str], columns: dict[str, str], says: str) -> None:
    with pytest.raises(BadRequest, match="invoice") as refused:
        lines_of(text, columns=columns)
    assert says in refused.value.message


def test_an_invoice_without_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoices, "MOST_LINES", 1)
    with pytest.raises(BadRequest, match="Import it in parts"):
        lines_of(PLAIN)


def test_an_invoice_imported_again_takes_its_own_place(each_database: Database) -> None:
    assert keep(each_database, "a.csv", lines=lines_of(PLAIN)) == 2
    assert keep(each_database, "b.csv", lines=lines_of(PLAIN[:2])) == 1
    assert keep(each_database, "a.csv", lines=lines_of(PLAIN[:2])) == 1
    assert len(each_database.rows("SELECT line FROM invoice_line")) == 2


# ── beside the ledger ───────────────────────────────────────────────────────────────────────────────────────────────


def attempt(
    db: Database, number: int, target: str, *, cost: int | None, tokens: int = 100, day: int = 0, price_id: str | None = "contract:x", **more: object
) -> None:
    call_id = uuid7(now_ms=rows.OCT_MS + day * DAY_MS + number, random_bits=number)
    row = {"call_id": call_id, "seq": 0, "place": "cloud", "target": target, "latency_ms": 1.0, "estimated": 0, "tokens_in": tokens, "tokens_out": 0}
    rows.put(db, "attempt", {**row, "cost_nano_usd": cost, "price_id": price_id, **more})


def target(db: Database, name: str, model: str, *, vendor: str = "acme", since_ms: int = 0) -> None:
    row = {"name": name, "since_ms": since_ms, "place": "cloud", "vendor": vendor, "kind": "openai", "model": model, "region": "", "zone": ""}
    rows.put(db, "target", row)


def line(number: int, model: str, usd: int, *, tokens: int | None = None, day: int = 0) -> Line:
    return Line(line=number, vendor="Acme", model=model, day_ms=rows.OCT_MS + day * DAY_MS, nano_usd=usd, tokens_in=tokens)


def test_each_drift_is_told_with_what_explains_it(each_database: Database) -> None:
    db = each_database
    for name in ("same", "dearer", "lost", "extra", "dark", "fewer"):
        target(db, f"acme/{name}", name)
    target(db, "other/model", "model", vendor="other")
    attempt(db, 1, "acme/same", cost=1000, model="same")
    attempt(db, 2, "acme/dearer", cost=900, price_id="genai-prices:1/dearer")
    attempt(db, 3, "acme/fewer", cost=500, tokens=50)
    attempt(db, 4, "acme/extra", cost=70, price_id="vendor-reported")
    attempt(db, 5, "acme/dark", cost=None, price_id=None)
    attempt(db, 6, "other/model", cost=10**9)
    attempt(db, 7, "acme/same", cost=0, error="rate_limited")
    told = [
        line(1, "same", 1005),
        line(2, "dearer", 1000, tokens=100),
        line(3, "fewer", 1000, tokens=100),
        line(4, "lost", 300),
        line(5, "dark", 80),
        line(6, "nil", 0),
    ]
    keep(db, "october", lines=told)
    found = reconcile(db, rows.OCTOBER)
    assert {one.model: (one.flag, one.drift_nano_usd, one.sources) for one in found.drifts} == {
        "same": ("", -5, ("contract",)),
        "dearer": ("price differs", -100, ("catalogue",)),
        "fewer": ("missing calls", -500, ("contract",)),
        "lost": ("missing calls", -300, ()),
        "extra": ("not invoiced", 70, ("vendor-reported",)),
        "dark": ("unknown price", -80, ("unknown",)),
        "nil": ("", 0, ()),
    }
    assert (found.ledger_nano_usd, found.invoiced_nano_usd) == (2470, 3385)
    assert [one.drift_share for one in found.drifts if one.model in {"dearer", "nil"}] == [-0.1, None]


def test_more_tokens_in_the_ledger_than_invoiced_are_told_apart_from_a_price(each_database: Database) -> None:
    target(each_database, "acme/small", "small")
    attempt(each_database, 1, "acme/small", cost=2000, tokens=200)
    keep(each_database, "october", lines=[line(1, "small", 1000, tokens=100)])
    assert [one.flag for one in reconcile(each_database, rows.OCTOBER, vendor="Acme").drifts] == ["tokens differ"]
    assert [one.flag for one in reconcile(each_database, rows.OCTOBER, tolerance=1.5).drifts] == [""]


def test_a_target_belongs_to_the_vendor_it_had_on_the_day(each_database: Database) -> None:
    target(each_database, "small", "small", vendor="other", since_ms=rows.OCT_MS - 5)
    target(each_database, "small", "small", since_ms=rows.OCT_MS + DAY_MS)
    attempt(each_database, 1, "small", cost=5, day=0)
    attempt(each_database, 2, "small", cost=7, day=1)
    attempt(each_database, 3, "nobody-knows", cost=7, day=1)
    keep(each_database, "october", lines=[line(1, "small", 7, day=1)])
    assert [(one.ledger_nano_usd, one.flag) for one in reconcile(each_database, rows.OCTOBER).drifts] == [(7, "")]


def test_the_id_of_a_price_tells_where_the_cost_is_from() -> None:
    assert [source_of(name) for name in ("", "vendor-reported", "genai-prices:1/a", "contract:b", "hardware")] == [
        "unknown",
        "vendor-reported",
        "catalogue",
        "contract",
        "contract",
    ]
