"""What changed, in words: what matters is said, what does not is left out, and what happened stands beside it."""

import re
from contextlib import closing
from typing import Any

from tests.console.house import DAY, HOUR, NOW, House, in_a_house, text_of
from tests.ledger.entries import a_record, an_entry

from pointsman.app.switches import ledger_of
from pointsman.core.place import Place
from pointsman.storage.open import open_writing


def calls(number: int, *, at_ms: int, failed: int = 0, **entry: Any) -> list[Any]:
    """Return so many calls, one an hour."""
    found = []
    for index in range(number):
        status = {"status": "exhausted"} if index < failed else {}
        latency = float(entry.get("latency_ms", 100.0))
        found.append(
            a_record(
                at_ms % 1000 + index,
                at_ms=at_ms + index * HOUR,
                workflow="support",
                capability="triage",
                entries=(an_entry(**entry),),
                latency_ms=latency,
                **status,
            )
        )
    return found


async def changed(house: House) -> str:
    shown = text_of(await (await house.signed_in()).get("/console"))
    return shown.partition("What changed")[2].partition("Workflows Workflow")[0].partition("rules cache edge")[0]


def test_fewer_answers_slower_ones_and_another_place_are_said() -> None:
    async def work(house: House) -> None:
        house.remember(calls(40, at_ms=NOW - 10 * DAY))
        house.remember(calls(40, at_ms=NOW - 2 * DAY + 1, failed=4, place=Place.PRIVATE, target="gpu", latency_ms=900.0))
        told = await changed(house)
        assert "90.0% of calls were answered, down from 100.0%." in told
        assert re.search(r"The slowest twentieth of calls is slower: \d+ ms at the 95th percentile, before \d+ ms.", told), told
        assert "0% of calls ran in cloud , down from 100%." in told or "100% of calls ran in private , up from 0%." in told

    in_a_house(work)


def test_what_is_seen_in_few_calls_only_is_not_said() -> None:
    async def work(house: House) -> None:
        house.remember(calls(10, at_ms=NOW - 10 * DAY))
        house.remember(calls(10, at_ms=NOW - 2 * DAY + 1, failed=5, place=Place.PRIVATE, target="gpu", latency_ms=900.0))
        assert "Nothing that matters differs" in await changed(house)

    in_a_house(work)


def test_new_snapshots_and_incidents_are_said_the_open_one_first_and_the_first_snapshot_of_all_is_none() -> None:
    async def work(house: House) -> None:
        with closing(open_writing(ledger_of(house.gateway.settings))) as db:
            for digest, since, parent in (("aaaaaa", NOW - 3 * DAY, None), ("bbbbbb", NOW - 2 * DAY, "aaaaaa")):
                values = {"digest": digest, "since": since, "parent": parent}
                db.execute("INSERT INTO snapshot (digest, since_ms, parent, author, files) VALUES (:digest, :since, :parent, 'ann', '{}')", values)
            for number, closed in ((1, NOW - HOUR), (2, None)):
                db.execute(
                    "INSERT INTO incident (incident_id, opened_ms, closed_ms, severity, title, workflow, target, cause, snapshot, since_ms, opened_by)"
                    " VALUES (:id, :opened, :closed, 'high', :title, 'support', '', '', '', :opened, 'ann')",
                    {"id": f"i{number}", "opened": NOW - number * DAY, "closed": closed, "title": f"Trouble {number}" + "." * (number - 1)},
                )
        told = await changed(house)
        assert told.index("Trouble 2 (open).") < told.index("Trouble 1 (closed).") < told.index("Snapshot bbbbbb came into force.")
        assert "aaaaaa" not in told

    in_a_house(work)
