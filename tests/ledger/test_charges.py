import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.storage.databases import each_place

from pointsman.ledger.charges import Charges, licence_charges
from pointsman.ledger.writer import Ledger
from pointsman.settings.costs_shape import Licence
from pointsman.settings.ledger_place import Place
from pointsman.storage.open import open_reading

__all__ = ["each_place"]

DAY_MS = 86_400_000
JANUARY_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
LICENCES = {"crm": Licence(usd_per_month=31.0, workflow="support"), "search": Licence(usd_per_month=0.000000007)}


def accrued(place: Place, *times_ms: int, licences: dict[str, Licence] | None = None) -> list[tuple[Any, ...]]:
    ledger = Ledger(place)
    charges = Charges(ledger, LICENCES if licences is None else licences)
    for now_ms in times_ms:
        asyncio.run(charges.accrue(now_ms))
    ledger.close()
    with closing(open_reading(place)) as db:
        return [tuple(row.values()) for row in db.rows("SELECT charge_id, at_ms, kind, workflow, unit, nano_usd FROM charge ORDER BY charge_id")]


def test_a_licence_is_charged_by_the_day_once(each_place: Place) -> None:
    noon = JANUARY_MS + DAY_MS + DAY_MS // 2
    rows = accrued(each_place, noon, noon, noon + 1)
    assert rows == accrued(each_place, noon)  # another process
    assert rows == [
        ("licence/crm/2026-01-01", JANUARY_MS, "licence", "support", "", 1_000_000_000),
        ("licence/crm/2026-01-02", JANUARY_MS + DAY_MS, "licence", "support", "", 1_000_000_000),
        ("licence/search/2026-01-01", JANUARY_MS, "licence", "", "", 0),
        ("licence/search/2026-01-02", JANUARY_MS + DAY_MS, "licence", "", "", 0),
    ]


def test_days_on_which_the_gateway_was_off_are_made_up_for(tmp_path: Path) -> None:
    rows = accrued(tmp_path / "ledger.db", JANUARY_MS + 20 * DAY_MS, JANUARY_MS + 33 * DAY_MS, licences={"crm": LICENCES["crm"]})
    assert len(rows) == 34
    assert sum(row[-1] for row in rows if row[0] < "licence/crm/2026-02") == 31 * 10**9


def test_what_was_before_the_first_month_is_not_charged(tmp_path: Path) -> None:
    rows = accrued(tmp_path / "ledger.db", JANUARY_MS + 32 * DAY_MS, licences={"crm": LICENCES["crm"]})
    assert [row[0] for row in rows] == ["licence/crm/2026-02-01", "licence/crm/2026-02-02"]


def test_without_licences_nothing_is_charged(tmp_path: Path) -> None:
    assert accrued(tmp_path / "ledger.db", JANUARY_MS, licences={}) == []


@given(usd=st.floats(0, 1e6), month=st.sampled_from([(0, 31), (31, 28), (59, 31), (90, 30)]))
def test_the_days_of_a_month_add_up_to_its_price(usd: float, month: tuple[int, int]) -> None:
    first, days = month
    since_ms = JANUARY_MS + first * DAY_MS
    charges = list(licence_charges("crm", Licence(usd_per_month=usd), since_ms=since_ms, until_ms=since_ms + days * DAY_MS - 1))
    assert len(charges) == days
    assert abs(sum(one.nano_usd for one in charges) - usd * 1e9) <= 1 + usd * 1e9 * 1e-12
    assert max(one.nano_usd for one in charges) - min(one.nano_usd for one in charges) <= 1
