-- Units and useful units by capability: a unit is useful if the last thing told about it is a success.
-- An outcome that names a capability speaks of that one only. `:first_id` is an id that no call of the span is older than.
WITH units AS (
    SELECT capability, tenant, unit
    FROM call
    WHERE call_id >= :first_id AND started_ms >= :since_ms AND started_ms < :until_ms
    GROUP BY capability, tenant, unit
),
told AS (
    SELECT units.capability AS capability,
           units.tenant AS tenant,
           units.unit AS unit,
           outcome.success AS success,
           outcome.value_nano_usd AS value_nano_usd,
           ROW_NUMBER() OVER (PARTITION BY units.capability, units.tenant, units.unit ORDER BY outcome.at_ms DESC, outcome.recorded DESC) AS newest
    FROM units
    JOIN outcome ON outcome.tenant = units.tenant AND outcome.unit = units.unit
    WHERE outcome.capability IS NULL OR outcome.capability = units.capability
)
SELECT units.capability AS capability,
       COUNT(*) AS units,
       COUNT(told.success) AS told,
       COALESCE(SUM(told.success), 0) AS useful,
       SUM(CASE WHEN told.success = 1 THEN told.value_nano_usd END) AS value_nano_usd
FROM units
LEFT JOIN told ON told.capability = units.capability AND told.tenant = units.tenant AND told.unit = units.unit AND told.newest = 1
GROUP BY units.capability
