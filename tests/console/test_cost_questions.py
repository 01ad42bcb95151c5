"""What the pages of money and operation ask of the ledger by questions of their own, on both databases."""

from typing import Any

import pytest
from tests.console.house import HOUR, NOW
from tests.console.test_questions import Around, ask
from tests.ledger.entries import a_record, an_entry, write
from tests.storage.databases import each_database, each_place  # noqa: F401 - fixtures
from tests.values import a_snapshot, a_target

from pointsman.console.frame import Ask
from pointsman.console.pages.cost import drawn
from pointsman.console.pages.vendors import vendors
from pointsman.core.principal import Principal
from pointsman.intake.keys import LOCAL
from pointsman.storage.sql import Database


class Beside(Around):
    """What the page of vendors needs beside the ledger."""

    snapshot = a_snapshot()

    def health(self, target: str) -> str | None:
        return None

    def price(self, target: Any) -> None:
        return None


@pytest.mark.parametrize(("by", "names"), [("team", ("b", "a")), ("target", ("acme/small",)), ("workflow", ("support",)), ("place", ("cloud",))])
def test_charts_of_money_find_the_same_on_both_databases(each_database: Database, by: str, names: tuple[str, ...]) -> None:  # noqa: F811 - a fixture
    records = [
        a_record(n, at_ms=NOW - n * HOUR, entries=(an_entry(0, cost=n * 1000),), team="b" if n % 2 else "a", capability="triage", workflow="support")
        for n in range(1, 6)
    ]
    write(each_database, records, workflows=Around.workflows)
    for span in ("24h", "7d", "30d"):
        found = drawn(ask(span=span), each_database, by=by)
        assert found.names == names
        assert sum(sum(values) for _, values in found.steps) == 15_000


def test_what_targets_did_is_the_same_on_both_databases(each_database: Database) -> None:  # noqa: F811 - a fixture
    target = a_target()
    entries = (an_entry(0, target=target.name, error="timeout", cost=1), an_entry(1, target=target.name, cost=5))
    write(each_database, [a_record(n, at_ms=NOW - n * HOUR, entries=entries, latency_ms=300.0) for n in range(1, 5)], workflows=Around.workflows)
    around: Any = Beside()
    page = vendors(Ask(control=around, principal=Principal(key=LOCAL), span=ask().span), each_database)
    did = {stand.target.name: stand.did for house in page.values["houses"] for stand in house.stands}[target.name]
    assert (did.calls, did.ok, did.failed, did.failed_share, did.cost_nano_usd) == (4, 4, 4, 0.5, 24)
    assert did.p50_ms == pytest.approx(300, rel=0.1)
