from decimal import Decimal
from typing import Any

import pytest
from tests.control.exports.billing import MONTH, fill

from pointsman.control.exports.focus import focus
from pointsman.control.exports.focus_check import check, specification
from pointsman.storage.analytics import Analytics
from pointsman.storage.open import open_writing


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("focus")
    db = open_writing(folder / "ledger.db")
    fill(db)
    db.close()
    with Analytics(folder / "ledger.db", folder) as asked:
        return dict(next(row for row in focus(asked, since_ms=MONTH[0], until_ms=MONTH[1]) if row["SkuMeter"] == "input"))


def faults(row: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    changed = {**row, **more}
    return [(one.column, one.says) for one in check([*changed], [changed])]


def test_a_good_row_has_no_faults(good: dict[str, Any]) -> None:
    assert faults(good) == []


@pytest.mark.parametrize(
    ("more", "column", "says"),
    [
        ({"BilledCost": None}, "BilledCost", "must not be null"),
        ({"BilledCost": "much"}, "BilledCost", "is not of type Decimal"),
        ({"BilledCost": float("inf")}, "BilledCost", "is not of type Decimal"),
        ({"BillingAccountId": 7}, "BillingAccountId", "is not of type String"),
        ({"ChargePeriodStart": "2026-01-01"}, "ChargePeriodStart", "is not of type Date/Time"),
        ({"Tags": "team=emea"}, "Tags", "is not of type JSON"),
        ({"ChargeCategory": "Fun"}, "ChargeCategory", "is none of the allowed values"),
        ({"ListUnitPrice": Decimal(-1)}, "ListUnitPrice", "is below 0"),
        ({"ContractedCost": Decimal(1)}, "ContractedCost", "is not `ContractedUnitPrice` times `PricingQuantity`"),
        ({"ListCost": Decimal(1)}, "ListCost", "is not `ListUnitPrice` times `PricingQuantity`"),
        ({"SkuPriceId": ""}, "SkuPriceId", "must not be null for usage and purchases"),
        ({"SkuId": None}, "SkuMeter", "must be null without a `SkuId`"),
        ({"PricingUnit": None}, "PricingUnit", "must be told with `PricingQuantity`"),
        ({"ConsumedUnit": None}, "ConsumedUnit", "must be told with `ConsumedQuantity`"),
        ({"ConsumedQuantity": None}, "ConsumedQuantity", "must not be null for usage"),
        ({"ChargeCategory": "Purchase"}, "ConsumedQuantity", "is only for usage"),
        ({"ChargeCategory": "Purchase"}, "ChargeFrequency", "of a purchase is not `Usage-Based`"),
        ({"ChargePeriodEnd": "2026-01-01T00:00:00Z"}, "ChargePeriodEnd", "is not after its start"),
        ({"ChargePeriodEnd": "2026-02-02T00:00:00Z"}, "ChargePeriodStart", "is outside of the billing period"),
        ({"ServiceSubcategory": "Bits"}, "ServiceSubcategory", "does not belong to its `ServiceCategory`"),
        ({"BillingCurrency": "usd"}, "BillingCurrency", "is no code of ISO 4217"),
        ({"ResourceType": None}, "ResourceType", "must be told with `ResourceId`"),
        ({"ResourceId": None}, "ResourceId", "must be told with `ResourceType`"),
        ({"SubAccountType": None}, "SubAccountType", "must be told with `SubAccountId`"),
        ({"SkuPriceDetails": '{"TokenType": "input"}'}, "SkuPriceDetails", "holds a key that is neither the specification's nor begins with `x_`"),
        ({"InvoiceDetailId": "7"}, "InvoiceDetailId", "needs an `InvoiceId`"),
        ({"ProviderName": "acme"}, "ProviderName", "was removed from the specification"),
        ({"workflow": "tickets"}, "workflow", "is no column of the specification; own columns begin with `x_`"),
        ({"Workflow": "tickets"}, "Workflow", "is no column of the specification; own columns begin with `x_`"),
    ],
)
def test_what_is_wrong_is_told(good: dict[str, Any], more: dict[str, Any], column: str, says: str) -> None:
    assert (column, says) in faults(good, **more)


def test_mandatory_columns_must_be_there_and_none_twice(good: dict[str, Any]) -> None:
    names = [name for name in good if name != "HostProviderName"]
    found = check([*names, "BilledCost"], [])
    assert [(one.column, one.says, one.first) for one in found] == [("HostProviderName", "is mandatory and missing", 0), ("BilledCost", "is there twice", 0)]


def test_a_fault_tells_how_many_rows_and_the_first(good: dict[str, Any]) -> None:
    bad = {**good, "ServiceName": None}
    assert [(one.rows, one.first) for one in check([*good], [good, bad, good, bad])] == [(2, 2)]


def test_the_specification_knows_the_columns_of_1_4() -> None:
    told = specification()
    names = [column.name for column in told.columns]
    assert names == sorted(names)
    assert len(names) == len(set(names))
    assert "InvoiceDetailId" in names
    assert not set(told.removed) & set(names)
