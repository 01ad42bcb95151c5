"""
What the roll-ups must equal, computed from the rows they stand for.
"""

from collections import Counter
from typing import Any

from pointsman.storage.rollups import latency_bin
from pointsman.storage.sql import Database

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
Sums = dict[tuple[Any, ...], tuple[float, ...]]

CALLS = """
WITH parts AS (
    SELECT call_id,
           COUNT(DISTINCT CASE WHEN shadow = 0 AND kind NOT IN ('judge', 'summary', 'embedding') THEN target END) AS targets,
           SUM(COALESCE(cost_nano_usd, 0)) AS cost,
           SUM(CASE WHEN cost_nano_usd IS NULL THEN 1 ELSE 0 END) AS unknown_parts,
           SUM(CASE WHEN price_id = 'hardware' AND shadow = 0 AND kind NOT IN ('judge', 'summary', 'embedding')
                    THEN COALESCE(cost_nano_usd, 0) ELSE 0 END) AS hardware,
           SUM(CASE WHEN shadow = 1 OR kind IN ('judge', 'summary', 'embedding') THEN COALESCE(cost_nano_usd, 0) ELSE 0 END) AS overhead,
           SUM(COALESCE(tokens_in, 0)) AS tokens_in,
           SUM(COALESCE(tokens_out, 0)) AS tokens_out,
           SUM(COALESCE(cache_read, 0)) AS cache_read,
           SUM(COALESCE(reasoning, 0)) AS reasoning
    FROM attempt
    GROUP BY call_id
)
SELECT call.started_ms / :span * :span AS bucket_ms, call.workflow AS workflow, call.capability AS capability, COALESCE(call.place, 'none') AS place,
       COALESCE(call.target, 'none') AS target, call.snapshot AS snapshot, call.tenant AS tenant, COALESCE(call.team, '') AS team,
       COALESCE(call.application, '') AS application,
       COUNT(*) AS calls,
       SUM(CASE WHEN call.status = 'ok' THEN 1 ELSE 0 END) AS ok,
       SUM(CASE WHEN parts.targets > 1 THEN 1 ELSE 0 END) AS fallbacks,
       SUM(CASE WHEN call.escalated_from IS NOT NULL THEN 1 ELSE 0 END) AS escalations,
       SUM(call.to_person) AS to_person,
       SUM(COALESCE(parts.cost, 0)) AS cost_nano_usd,
       SUM(CASE WHEN parts.unknown_parts > 0 THEN 1 ELSE 0 END) AS cost_unknown,
       SUM(COALESCE(parts.hardware, 0)) AS hardware_nano_usd,
       SUM(COALESCE(parts.overhead, 0)) AS overhead_nano_usd,
       SUM(COALESCE(parts.tokens_in, 0)) AS tokens_in,
       SUM(COALESCE(parts.tokens_out, 0)) AS tokens_out,
       SUM(COALESCE(parts.cache_read, 0)) AS cache_read,
       SUM(COALESCE(parts.reasoning, 0)) AS reasoning,
       SUM(call.latency_ms) AS latency_ms
FROM call
LEFT JOIN parts ON parts.call_id = call.call_id
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""
UNITS = """
SELECT opened_ms / 3600000 * 3600000 AS bucket_ms, workflow, tenant, team, application,
       COUNT(*) AS units,
       SUM(CASE WHEN state <> 'open' THEN 1 ELSE 0 END) AS told,
       SUM(CASE WHEN state = 'useful' THEN 1 ELSE 0 END) AS useful,
       SUM(CASE WHEN state = 'reversed' THEN 1 ELSE 0 END) AS reversed,
       SUM(in_time) AS in_time,
       SUM(calls) AS calls,
       SUM(cost_nano_usd) AS cost_nano_usd,
       SUM(cost_unknown) AS cost_unknown,
       SUM(hardware_nano_usd) AS hardware_nano_usd,
       SUM(overhead_nano_usd) AS overhead_nano_usd,
       SUM(human_nano_usd) AS human_nano_usd,
       SUM(human_s) AS human_s,
       SUM(CASE WHEN escalations > 0 THEN 1 ELSE 0 END) AS escalated,
       SUM(CASE WHEN to_person > 0 THEN 1 ELSE 0 END) AS to_person,
       SUM(COALESCE(value_nano_usd, 0)) AS value_nano_usd
FROM unit
GROUP BY 1, 2, 3, 4, 5
"""


def sums_by(db: Database, sql: str, *, keys: int, values: dict[str, object] | None = None) -> Sums:
    """Return sums by key; those of which nothing is left are left out."""
    rows = [tuple(row.values()) for row in db.rows(sql, values or {})]
    return {row[:keys]: tuple(round(value, 3) for value in row[keys:]) for row in rows if any(abs(value) > 1e-6 for value in row[keys:])}


def check_roll_ups(db: Database) -> None:
    """Check that every roll-up is the sum of the rows it stands for."""
    for table, span in (("rollup_minute", 60_000), ("rollup_hour", HOUR_MS), ("rollup_day", DAY_MS)):
        assert sums_by(db, f"SELECT * FROM {table}", keys=9) == sums_by(db, CALLS, keys=9, values={"span": span}), table
    assert sums_by(db, "SELECT * FROM rollup_unit", keys=5) == sums_by(db, UNITS, keys=5)
    calls = db.rows("SELECT started_ms, workflow, capability, COALESCE(target, 'none') AS target, latency_ms FROM call")
    bins = Counter((row["started_ms"] // HOUR_MS * HOUR_MS, row["workflow"], row["capability"], row["target"], latency_bin(row["latency_ms"])) for row in calls)
    assert sums_by(db, "SELECT * FROM latency_hour", keys=5) == {key: (count,) for key, count in bins.items()}
    failures = sums_by(
        db,
        "SELECT call.started_ms / 3600000 * 3600000 AS h, call.workflow AS w, attempt.target AS t, attempt.kind AS k, attempt.error AS e, call.snapshot AS s,"
        " COUNT(*) AS failed FROM attempt JOIN call ON call.call_id = attempt.call_id WHERE attempt.error IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6",
        keys=6,
    )
    assert sums_by(db, "SELECT * FROM failure_hour", keys=6) == failures
