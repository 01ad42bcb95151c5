"""
How many rows the ledger's writer commits in a second, through its queue, on a file or on PostgreSQL: python bench/ledger/writer.py [CALLS] [PLACE].

A row is one of `call`, `attempt`, `decision`, `outcome`, `unit` or `charge`; roll-ups are on top. The disk is waited for at each commit, as in service.
"""

import asyncio
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from generate import WORKFLOWS, Maker

from pointsman.ledger.writer import Ledger
from pointsman.storage.open import open_reading

TABLES = ("call", "attempt", "decision", "outcome", "unit", "charge", "review", "score")


async def _told(ledger: Ledger, maker: Maker) -> float:
    batches = list(maker.batches(0))
    began, cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        for record in batch.records:
            ledger.book(record)
        await ledger.record_outcomes(batch.outcomes)
    ledger.flush(120)
    print(f"CPU {time.process_time() - cpu:.2f} s")
    return time.perf_counter() - began


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
    with tempfile.TemporaryDirectory() as folder:
        place = sys.argv[2] if len(sys.argv) > 2 else Path(folder) / "ledger.db"
        ledger = Ledger(place)
        ledger.use(WORKFLOWS)
        spent = asyncio.run(_told(ledger, Maker(calls)))
        ledger.close()
        with closing(open_reading(place)) as db:
            rows = sum(db.rows(f"SELECT COUNT(*) AS n FROM {table}")[0]["n"] for table in TABLES)
    print(f"{calls:,} calls, {rows:,} rows in {spent:.2f} s: {rows / spent:,.0f} rows/s, {calls / spent:,.0f} calls/s")


if __name__ == "__main__":
    main()
