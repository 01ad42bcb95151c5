"""
A ledger with a few days of everything, for tests of segments and of what is asked of them.
"""

from collections.abc import Sequence

from tests.ledger.entries import START_MS, a_record, an_entry, an_outcome

from pointsman.core.entry import CallRecord
from pointsman.storage.batch import Batch, Charge, Review, Score
from pointsman.storage.records import write_batch
from pointsman.storage.sealed_kinds import DAY_MS, KINDS
from pointsman.storage.sql import Database

NOW_MS = START_MS + 40 * DAY_MS
KIND_NAMES = [kind.name for kind in KINDS]


def some_calls(*, day: int, first: int = 0, count: int = 4) -> list[CallRecord]:
    at_ms = START_MS + day * DAY_MS + 3_600_000
    return [
        a_record(
            1000 * day + number,
            at_ms=at_ms + number,
            unit=f"ticket-{day}-{number}",
            user="anna",
            entries=(an_entry(0, cost=None, error="timeout", usage=None), an_entry(1, cost=1_000 + number)),
        )
        for number in range(first, first + count)
    ]


def fill(db: Database, days: Sequence[int] = (0, 1)) -> None:
    for day in days:
        records = some_calls(day=day)
        at_ms = records[0].started_ms + 60_000
        write_batch(
            db,
            Batch(
                records=records,
                outcomes=[an_outcome(f"ticket-{day}-0", f"o-{day}", at_ms=at_ms, value_nano_usd=5_000, capability="support")],
                charges=[Charge(charge_id=f"licence-{day}", at_ms=at_ms, kind="licence", nano_usd=77, workflow="support")],
                reviews=[
                    Review(review_id=f"r-{day}", call_id=records[0].call_id, done_ms=at_ms, reviewer="berta", verdict="accepted", seconds=30.0, nano_usd=9),
                    Review(review_id=f"waits-{day}", call_id=records[1].call_id),
                ],
                scores=[Score(score_id=f"s-{day}", call_id=records[0].call_id, at_ms=at_ms, metric="quality", judge="j@1", value=0.5, workflow="support")],
            ),
        )


def counts(db: Database) -> dict[str, int]:
    return {name: int(db.rows(f"SELECT COUNT(*) AS n FROM {name}")[0]["n"]) for name in KIND_NAMES}
