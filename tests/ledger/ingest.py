"""
A process that ingests until it is killed: python ingest.py PLACE ROUND [SECONDS]. It prints what was acknowledged, and what was booked when.

`killed(place, round)` starts it, kills it after a while, and returns what it had printed. Used by the test of crashes and by its longer sister in `bench`.
"""

import asyncio
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from msgspec import Struct

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.ledger.entries import a_charge, a_record, a_review, an_entry, an_outcome
from tests.storage.sums import check_roll_ups

from pointsman.ledger.balance import balance, balance_of_sums
from pointsman.ledger.writer import Ledger
from pointsman.settings.ledger_place import Place
from pointsman.settings.workflows import Workflow
from pointsman.storage.open import open_reading, open_writing
from pointsman.storage.sql import Database

SLACK_S = 0.4  # 50 ms, and what a busy machine adds
WORKFLOWS = {"support": Workflow(name="support", capabilities=("support",), human_hourly_nano_usd=36_000_000_000)}
_TABLES = {"outcome": "outcome_id", "charge": "charge_id", "review": "review_id"}


class Killed(Struct, frozen=True, kw_only=True):
    """What a killed process had said: acknowledged ids by table, and the calls that it had booked long enough before it died."""

    told: dict[str, set[str]]
    booked: set[str]
    last: set[str]


def killed(place: Place, number: int, *, after_s: float) -> Killed:
    """Run a process that ingests and kill it (SIGKILL) some time after its first word."""
    child = subprocess.Popen([sys.executable, __file__, str(place), str(number)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    lines = [child.stdout.readline()]
    time.sleep(after_s)
    child.kill()
    lines += child.stdout.readlines()
    child.wait()
    child.stdout.close()
    told: dict[str, set[str]] = {table: set() for table in _TABLES}
    calls: dict[str, float] = {}
    for line in lines:
        what, _, rest = line.rstrip().partition(" ")
        if what == "call" and line.endswith("\n"):
            call_id, at_s = rest.split()
            calls[call_id] = float(at_s)
        elif what in told and line.endswith("\n"):
            told[what].add(rest)
    died_s = max(calls.values(), default=0.0)
    booked = {call_id for call_id, at_s in calls.items() if at_s < died_s - SLACK_S}
    return Killed(told=told, booked=booked, last=calls.keys() - booked)


def check(place: Place, rounds: list[Killed]) -> dict[str, int]:
    """Check that nothing acknowledged is missing, that only the last moments' calls are, and that the books balance. Return counts."""
    open_writing(place).close()  # as the next start does: what the log ahead holds is taken over
    with closing(open_reading(place)) as db:
        kept = {table: _ids(db, table, column) for table, column in _TABLES.items()}
        calls = _ids(db, "call", "call_id")
        for one in rounds:
            for table, ids in one.told.items():
                assert ids <= kept[table], f"{len(ids - kept[table])} of {table} were acknowledged and are gone"
            assert one.booked <= calls, f"{len(one.booked - calls)} calls are gone that were booked in time"
        check_roll_ups(db)
        assert balance(db).difference == 0
        assert balance_of_sums(db).difference == 0
        lost = sum(len(one.last - calls) for one in rounds)
        return {"calls": len(calls), "lost of the last": lost, **{table: sum(len(one.told[table]) for one in rounds) for table in _TABLES}}


def _ids(db: Database, table: str, column: str) -> set[str]:
    return {row[column] for row in db.rows(f"SELECT {column} FROM {table}")}


async def _ingest(ledger: Ledger, number: int) -> None:
    async def tell() -> None:
        for count in range(100_000):
            name, unit = f"{number}-{count}", f"ticket-{count % 11}"
            await ledger.record_outcome(an_outcome(unit, f"o-{name}", human_s=float(count % 3)))
            print(f"outcome o-{name}", flush=True)
            await ledger.record_charge(a_charge(f"c-{name}", count, unit=unit))
            print(f"charge c-{name}", flush=True)
            await ledger.record_review(a_review(f"r-{name}", "", workflow="support", tenant="default", unit=unit, seconds=1.0))
            print(f"review r-{name}", flush=True)

    told = asyncio.ensure_future(tell())
    had_s, before_s = 0.0, time.monotonic()
    for count in range(100_000):
        entries = (an_entry(0, cost=count, error="schema"), an_entry(1, cost=7, target="own/llama", price_id="hardware"))
        record = a_record(number * 1_000_000 + count, unit=f"ticket-{count % 13}", workflow="support", entries=entries)
        ledger.book(record)
        now_s = time.monotonic()  # moments in which this process got no turn do not count: its writer got none either
        had_s, before_s = had_s + min(now_s - before_s, 0.02), now_s
        print(f"call {record.call_id} {had_s}", flush=True)
        await asyncio.sleep(0.001)
    await told


def main() -> None:
    place = sys.argv[1] if "://" in sys.argv[1] else Path(sys.argv[1])
    ledger = Ledger(place)
    ledger.use(WORKFLOWS)
    asyncio.run(_ingest(ledger, int(sys.argv[2])))


if __name__ == "__main__":
    main()
