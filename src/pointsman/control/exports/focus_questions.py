"""
What the FOCUS export asks of the ledger, in DuckDB's SQL. Days are UTC; `:since` and `:until` are Unix milliseconds of whole days.
"""

from typing import Final

ATTEMPTS: Final = """
SELECT call.started_ms - call.started_ms % 86400000 AS day_ms, call.workflow, call.tenant, COALESCE(call.team, '') AS team,
    COALESCE(call.application, '') AS application, call.data_class, call.tags, call.snapshot, attempt.place, attempt.target,
    COALESCE(attempt.price_id, '') AS price_id,
    SUM(GREATEST(COALESCE(attempt.tokens_in, 0) - COALESCE(attempt.cache_read, 0) - COALESCE(attempt.cache_write, 0), 0)) AS fresh,
    SUM(COALESCE(attempt.tokens_out, 0)) AS tokens_out, SUM(COALESCE(attempt.cache_read, 0)) AS cache_read,
    SUM(COALESCE(attempt.cache_write, 0)) AS cache_write, SUM(attempt.latency_ms) AS latency_ms, COUNT(*) AS attempts,
    COALESCE(SUM(attempt.cost_nano_usd), 0) AS nano_usd, COUNT(*) - COUNT(attempt.cost_nano_usd) AS unknown
FROM attempt JOIN call ON call.call_id = attempt.call_id
WHERE call.started_ms >= :since AND call.started_ms < :until
GROUP BY ALL ORDER BY ALL
"""

CHARGES: Final = """
SELECT at_ms - at_ms % 86400000 AS day_ms, workflow, tenant, kind, queue, source, SUM(seconds) AS seconds, SUM(nano_usd) AS nano_usd, COUNT(*) AS charges
FROM charge WHERE at_ms >= :since AND at_ms < :until
GROUP BY ALL ORDER BY ALL
"""

IDLE: Final = """
SELECT hour_ms - hour_ms % 86400000 AS day_ms, target, SUM(paid_s - busy_s) AS idle_s, SUM(paid_nano_usd - busy_nano_usd) AS nano_usd
FROM infra_cost WHERE hour_ms >= :since AND hour_ms < :until
GROUP BY ALL ORDER BY ALL
"""

UNITS: Final = """
SELECT opened_ms - opened_ms % 86400000 AS day_ms, workflow, tenant, COUNT(*) AS units, COUNT(*) FILTER (state <> 'open') AS told,
    COUNT(*) FILTER (state = 'useful') AS useful
FROM unit WHERE opened_ms >= :since AND opened_ms < :until
GROUP BY ALL ORDER BY ALL
"""

TARGETS: Final = "SELECT * FROM target QUALIFY ROW_NUMBER() OVER (PARTITION BY name ORDER BY since_ms DESC) = 1"
PRICES: Final = "SELECT * FROM price"
OWNERS: Final = "SELECT name, owner FROM workflow QUALIFY ROW_NUMBER() OVER (PARTITION BY name ORDER BY since_ms DESC) = 1"

TOTAL: Final = """
SELECT (SELECT COALESCE(SUM(attempt.cost_nano_usd), 0) FROM attempt JOIN call ON call.call_id = attempt.call_id
        WHERE call.started_ms >= :since AND call.started_ms < :until)
    + (SELECT COALESCE(SUM(nano_usd), 0) FROM charge WHERE at_ms >= :since AND at_ms < :until)
    + (SELECT COALESCE(SUM(paid_nano_usd - busy_nano_usd), 0) FROM infra_cost WHERE hour_ms >= :since AND hour_ms < :until) AS nano_usd
"""
