"""
A scorecard over 90 days as a question that nobody foresaw: in DuckDB over sealed days, and the same in the ledger's own SQLite.

    python bench/ledger/adhoc.py LEDGER FOLDER

LEDGER is made by `generate.py`. It is copied into FOLDER first; the copy is sealed, asked, detached and asked again.
"""

import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pointsman.storage.analytics import Analytics
from pointsman.storage.open import open_reading, open_writing
from pointsman.storage.sealed_kinds import DAY_MS, KINDS, segments
from pointsman.storage.segments import seal_due

ROUNDS = 7
PATIENCE_S = 600.0

# By workflow: what came of its units, what all of it cost, and how its calls went.
SCORECARD = """
WITH worth AS (
    SELECT workflow, COUNT(*) AS units, SUM(CASE WHEN state <> 'open' THEN 1 ELSE 0 END) AS told, SUM(CASE WHEN state = 'useful' THEN 1 ELSE 0 END) AS useful,
        SUM(cost_nano_usd + human_nano_usd) AS nano_usd, SUM(value_nano_usd) AS value_nano_usd
    FROM unit WHERE opened_ms >= :since AND opened_ms < :until GROUP BY workflow
), went AS (
    SELECT workflow, COUNT(*) AS calls, SUM(CASE WHEN status = 'ok' THEN 1 ELSE 0 END) AS ok, SUM(CASE WHEN escalated_from IS NULL THEN 0 ELSE 1 END) AS up,
        SUM(to_person) AS to_person, SUM(attempts) AS attempts, SUM(cost_nano_usd) AS spent
    FROM call WHERE started_ms >= :since AND started_ms < :until GROUP BY workflow
)
SELECT worth.workflow, units, told, useful, nano_usd, value_nano_usd, calls, ok, up, to_person, attempts, spent
FROM worth JOIN went ON went.workflow = worth.workflow ORDER BY worth.workflow
"""
# By workflow and target: attempts that failed and what they cost, where each attempt must find its call.
ATTEMPTS = """
SELECT call.workflow, attempt.target, COUNT(*) AS attempts, SUM(CASE WHEN attempt.error IS NULL THEN 0 ELSE 1 END) AS failed,
    SUM(attempt.cost_nano_usd) AS nano_usd
FROM attempt JOIN call ON call.call_id = attempt.call_id
WHERE call.started_ms >= :since AND call.started_ms < :until GROUP BY call.workflow, attempt.target ORDER BY call.workflow, attempt.target
"""
ASKED = {"scorecard": SCORECARD, "attempts and their calls": ATTEMPTS}


def timed(ask: Callable[[], object], rounds: int = ROUNDS) -> str:
    took: list[float] = []
    busy = time.process_time()
    for _ in range(rounds):
        begun = time.perf_counter()
        ask()
        took.append((time.perf_counter() - begun) * 1000)
    each = (time.process_time() - busy) * 1000 / rounds
    return f"median {statistics.median(took):,.0f} ms, least {min(took):,.0f}, most {max(took):,.0f} ({rounds} rounds; {each:,.0f} ms of CPU each)"


def answer(path: Path, folder: Path, *, sql: str, span: dict[str, int]) -> list[dict[str, object]]:
    """As `pointsman query` does it: begin to end, with nothing made ready."""
    with Analytics(path, folder, most_s=PATIENCE_S) as asked:
        return [dict(row) for row in asked.rows(sql, span)]


def main() -> None:
    told, work = Path(sys.argv[1]), Path(sys.argv[2])
    work.mkdir(parents=True, exist_ok=True)
    path, folder = work / "ledger.db", work / "segments"
    if not path.exists():
        shutil.copy(told, work / "copying.db")
        (work / "copying.db").rename(path)
    with closing(open_writing(path)) as db:
        first = segments(db)[0].day_ms if segments(db) else int(db.rows("SELECT MIN(started_ms) AS ms FROM call")[0]["ms"]) // DAY_MS * DAY_MS
        span = {"since": first, "until": first + 90 * DAY_MS}
        begun = time.perf_counter()
        done = seal_due(db, folder, now_ms=first + 400 * DAY_MS)
        took = time.perf_counter() - begun
        known = segments(db)
    held, size = sum(segment.rows_held for segment in known), sum((folder / segment.name).stat().st_size for segment in known)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"sealed {held:,} rows into {len(known)} files ({done.written} now, {took:,.0f} s)")
    print(f"files {size / 2**20:,.0f} MB, the database {path.stat().st_size / 2**20:,.0f} MB")
    before: dict[str, list[dict[str, object]]] = {}
    with closing(open_reading(path)) as db:
        for name, sql in ASKED.items():
            print(f"{name}, SQLite:", timed(lambda sql=sql, name=name: before.update({name: [dict(row) for row in db.rows(sql, span)]}), 1))
    for name, sql in ASKED.items():
        print(f"{name}, DuckDB, sealed and hot:", timed(lambda sql=sql: answer(path, folder, sql=sql, span=span), 1))
    with closing(open_writing(path)) as db, db.transaction():
        for kind in KINDS:  # what `detach` does with every row, without comparing each day: this is a copy
            db.execute(f"DELETE FROM {kind.name}")
        db.execute("UPDATE segment SET is_detached = 1")
    for name, sql in ASKED.items():
        print(f"{name}, DuckDB, detached, begin to end:", timed(lambda sql=sql: answer(path, folder, sql=sql, span=span)))
        with Analytics(path, folder, most_s=PATIENCE_S) as asked:
            found = [dict(row) for row in asked.rows(sql, span)]
            print(f"{name}, DuckDB, detached, asked again:", timed(lambda sql=sql, asked=asked: asked.rows(sql, span)))
        if before[name]:
            print("both say the same" if found == before[name] else f"THEY DIFFER\n{before[name]}\n{found}")


if __name__ == "__main__":
    main()
