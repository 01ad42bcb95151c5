from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.control.exports.billing import DAY_MS, HOUR_MS, MONTH, TOTAL, fill
from tests.ledger.entries import START_MS, a_record, an_entry
from tests.storage.databases import each_place

from pointsman.control.exports.focus import focus, month_ms, total_nano_usd
from pointsman.control.exports.focus_check import check
from pointsman.core.errors import BadRequest
from pointsman.core.place import Place
from pointsman.core.reply import Usage
from pointsman.storage.analytics import Analytics
from pointsman.storage.batch import Batch, Charge
from pointsman.storage.open import Place as LedgerPlace
from pointsman.storage.open import open_writing
from pointsman.storage.records import write_batch
from pointsman.storage.segments import seal_due

__all__ = ["each_place"]
_FACTS = ["x_Workflow", "ServiceProviderName", "SkuMeter", "PricingQuantity", "PricingUnit", "BilledCost"]


def usd(nano: int) -> Decimal:
    return Decimal(nano) / 1_000_000_000


@pytest.fixture
def asked(each_place: LedgerPlace, tmp_path: Path) -> Iterator[Analytics]:
    db = open_writing(each_place)
    fill(db)
    db.close()
    with Analytics(each_place, tmp_path / "segments") as asked:
        yield asked


def _sum(rows: Sequence[Mapping[str, Any]], column: str) -> Any:
    return sum(row[column] or 0 for row in rows)


def test_each_meter_of_each_day_is_a_row_and_own_places_are_billed_by_internal(asked: Analytics) -> None:
    rows = focus(asked, since_ms=MONTH[0], until_ms=MONTH[1])
    assert sorted([tuple(row[name] for name in _FACTS) for row in rows], key=str) == sorted(
        [
            ("tickets", "acme", "input", Decimal(600), "Tokens", usd(1_200_000)),
            ("tickets", "acme", "output", Decimal(100), "Tokens", usd(800_000)),
            ("tickets", "acme", "cache-read", Decimal(400), "Tokens", usd(200_000)),
            ("tickets", "internal", "gpu-second", Decimal("1.500000"), "Seconds", usd(700)),
            ("tickets", "internal", "request", Decimal(1), "Requests", Decimal(0)),
            ("tickets", "internal", "review-minute", Decimal("1.500000"), "Minutes", usd(3_000)),
            ("tickets", "internal", "licence", Decimal(1), "Days", usd(10_000)),
            (None, "internal", None, None, None, usd(-40)),
            (None, "internal", "idle gpu-second", Decimal("3500.000000"), "Seconds", usd(49_300)),
        ],
        key=str,
    )


def test_the_rows_are_focus_and_add_up_to_the_entries_of_the_span(asked: Analytics) -> None:
    rows = focus(asked, since_ms=MONTH[0], until_ms=MONTH[1])
    assert check([*rows[0]], rows) == []
    assert _sum(rows, "BilledCost") == usd(TOTAL)
    assert total_nano_usd(asked, since_ms=MONTH[0], until_ms=MONTH[1]) == TOTAL


def test_a_row_says_where_when_and_for_whom(asked: Analytics) -> None:
    row = next(row for row in focus(asked, since_ms=MONTH[0], until_ms=MONTH[1], account="a-1") if row["SkuMeter"] == "input")
    told = {
        "BillingAccountId": "a-1",
        "BillingPeriodStart": "2026-01-01T00:00:00Z",
        "BillingPeriodEnd": "2026-02-01T00:00:00Z",
        "ChargePeriodStart": "2026-01-01T00:00:00Z",
        "ChargePeriodEnd": "2026-01-02T00:00:00Z",
        "ChargeCategory": "Usage",
        "RegionId": "eu-west-1",
        "ResourceId": "acme/large",
        "SkuId": "acme/large-2/input",
        "SkuPriceId": "acme/large-2/input@contract:1",
        "ListUnitPrice": Decimal("0.000002"),
        "SubAccountId": "default",
        "HostProviderName": "acme",
        "x_Model": "large-2",
        "x_Placement": "cloud",
        "x_CostSource": "contract",
        "x_PolicyVersion": "0123456789abcdef",
    }
    assert {name: row[name] for name in told} == told
    assert (
        row["Tags"]
        == '{"pointsman/data_class":"internal","pointsman/owner":"Support","pointsman/team":"emea","pointsman/workflow":"tickets","project":"apollo"}'
    )


def test_unknown_costs_are_told_and_not_made_up(asked: Analytics) -> None:
    rows = [row for row in focus(asked, since_ms=MONTH[0], until_ms=MONTH[1]) if row["ResourceId"] == "acme/large"]
    assert [(row["x_CostState"], row["x_UnknownCosts"]) for row in rows] == [("partial", 1), ("known", 0), ("known", 0)]


def test_units_of_a_workflow_and_day_are_counted_on_one_row_so_that_they_add_up(asked: Analytics) -> None:
    rows = focus(asked, since_ms=MONTH[0], until_ms=MONTH[1])
    assert _sum(rows, "x_UnitsCompleted") == 1
    assert _sum(rows, "x_UsefulOutcomes") == 1


def test_shared_hardware_says_to_whom_it_is_allocated_and_its_idle_part_to_nobody(asked: Analytics) -> None:
    rows = {row["SkuMeter"]: row for row in focus(asked, since_ms=MONTH[0], until_ms=MONTH[1])}
    names = ("AllocatedMethodId", "AllocatedResourceId")
    assert [rows["gpu-second"][name] for name in names] == ["busy-time-share", "tickets"]
    assert [rows["idle gpu-second"][name] for name in names] == ["busy-time-share", None]
    assert [rows["input"][name] for name in names] == [None, None]


def test_rows_are_the_same_from_sealed_days(each_place: LedgerPlace, tmp_path: Path) -> None:
    db = open_writing(each_place)
    fill(db)
    with Analytics(each_place, tmp_path / "segments") as asked:
        before = focus(asked, since_ms=MONTH[0], until_ms=MONTH[1])
    seal_due(db, tmp_path / "segments", now_ms=MONTH[1] + 40 * DAY_MS, detach_after_ms=0)
    assert db.rows("SELECT COUNT(*) AS n FROM attempt") == [{"n": 0}]
    db.close()
    with Analytics(each_place, tmp_path / "segments") as asked:
        assert focus(asked, since_ms=MONTH[0], until_ms=MONTH[1]) == before


@pytest.mark.parametrize("span", [(START_MS + 1, START_MS + DAY_MS), (START_MS, START_MS), (START_MS, START_MS + HOUR_MS)])
def test_a_span_that_is_no_whole_days_is_refused(tmp_path: Path, span: tuple[int, int]) -> None:
    with Analytics(tmp_path / "ledger.db", tmp_path) as asked, pytest.raises(BadRequest, match="midnight"):
        focus(asked, since_ms=span[0], until_ms=span[1])


def test_months_are_read_and_others_refused() -> None:
    assert month_ms("2026-01") == MONTH
    assert month_ms("2026-12")[1] == month_ms("2027-01")[0]
    for text in ("2026-13", "2026", "October", ""):
        with pytest.raises(BadRequest, match="2026-10"):
            month_ms(text)


_PRICES = st.sampled_from(["contract:1", "catalogue:7", "hardware", None])
_ENTRIES = st.builds(
    lambda cost, tokens, price_id, latency_ms, place: an_entry(
        cost=cost,
        usage=None if tokens is None else Usage(tokens_in=sum(tokens[:3]), tokens_out=tokens[3], cache_read=tokens[1], cache_write=tokens[2]),
        price_id=price_id,
        latency_ms=latency_ms,
        place=place,
        target="acme/large",
    ),
    st.none() | st.integers(0, 10**12),
    st.none() | st.tuples(*[st.integers(0, 200_000)] * 4),
    _PRICES,
    st.floats(0, 600_000),
    st.sampled_from(Place),
)
_CHARGES = st.tuples(
    st.sampled_from(["human", "licence", "correction", "fee"]), st.integers(-(10**12), 10**12), st.floats(0, 100_000), st.integers(0, DAY_MS - 1)
)


@settings(max_examples=8, deadline=None)
@given(entries=st.lists(_ENTRIES, max_size=6), charges=st.lists(_CHARGES, max_size=4), paid=st.integers(0, 10**12), busy=st.integers(0, 10**12))
def test_whatever_was_spent_the_rows_are_focus_and_add_up(tmp_path_factory: pytest.TempPathFactory, **spent) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    db = open_writing(folder / "ledger.db")
    fill(db)
    records = [a_record(100 + number, at_ms=START_MS + number, entries=(entry,)) for number, entry in enumerate(spent["entries"])]
    charges = [
        Charge(charge_id=f"x{number}", at_ms=START_MS + at, kind=kind, nano_usd=nano, seconds=seconds)
        for number, (kind, nano, seconds, at) in enumerate(spent["charges"])
    ]
    hardware = [("own/other", START_MS, 3_600.0, spent["paid"], 9_999.0, spent["busy"])]
    write_batch(db, Batch(records=records, charges=charges, hardware=hardware))
    db.close()
    whole = TOTAL + sum(entry.cost_nano_usd or 0 for entry in spent["entries"]) + sum(one[1] for one in spent["charges"]) + spent["paid"] - spent["busy"]
    with Analytics(folder / "ledger.db", folder) as asked:
        rows = focus(asked, since_ms=MONTH[0], until_ms=MONTH[1])
    assert _sum(rows, "BilledCost") == usd(whole)
    assert check([*rows[0]], rows) == []
