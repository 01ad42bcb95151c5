-- Units and useful units by capability: a unit is useful if the last thing told about it is a success.
WITH last_outcome AS (
    SELECT tenant, unit, success, value_nano_usd, ROW_NUMBER() OVER (PARTITION BY tenant, unit ORDER BY at_ms DESC, recorded DESC) AS newest
    FROM outcome
),
units AS (
    SELECT capability, tenant, unit
    FROM call
    WHERE started_ms >= :since_ms AND started_ms < :until_ms
    GROUP BY capability, tenant, unit
)
SELECT units.capability AS capability,
       COUNT(*) AS units,
       COUNT(last_outcome.success) AS told,
       COALESCE(SUM(last_outcome.success), 0) AS useful,
       SUM(CASE WHEN last_outcome.success THEN last_outcome.value_nano_usd END) AS value_nano_usd
FROM units
LEFT JOIN last_outcome ON last_outcome.tenant = units.tenant AND last_outcome.unit = units.unit AND last_outcome.newest = 1
GROUP BY units.capability
