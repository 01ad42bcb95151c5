-- Calls that models or people answered, of units of a workflow of which something was told: of those that had their time since, the newest; and of those that
-- were learned from, or passed over, before the outcome that counts now was told (none the first time), the last told.
SELECT c.call_id AS call_id,
       c.capability AS capability,
       c.target AS target,
       c.tenant AS tenant,
       u.unit AS unit,
       u.state AS state,
       COALESCE(u.closed_ms, u.opened_ms) AS at_ms,
       CASE WHEN EXISTS (SELECT 1 FROM score AS p WHERE p.call_id = c.call_id AND p.target <> '') THEN 1 ELSE 0 END AS is_paired,
       d.features AS features
FROM (
    SELECT tenant, workflow, unit, opened_ms, closed_ms, state
    FROM (
        SELECT tenant, workflow, unit, opened_ms, closed_ms, state
        FROM unit
        WHERE workflow = :workflow AND opened_ms > :after_ms AND opened_ms <= :until_ms AND state <> 'open'
        ORDER BY opened_ms DESC, tenant, unit
        LIMIT :most
    ) AS ripe
    UNION ALL
    SELECT o.tenant, late.workflow, o.unit, late.opened_ms, late.closed_ms, late.state
    FROM (
        SELECT recorded, tenant, unit, outcome_id
        FROM outcome
        WHERE :recorded > 0 AND recorded > :recorded
        ORDER BY recorded DESC
        LIMIT :most
    ) AS o
    JOIN unit AS late ON late.tenant = o.tenant AND late.workflow = :workflow AND late.unit = o.unit AND late.outcome_id = o.outcome_id
                     AND late.opened_ms <= :after_ms AND late.state <> 'open'
) AS u
JOIN call AS c ON c.tenant = u.tenant AND c.unit = u.unit AND c.workflow = u.workflow AND c.status = 'ok'
              AND c.place IN ('private', 'cloud', 'edge', 'people')
LEFT JOIN decision AS d ON d.call_id = c.call_id AND d.seq = 0
ORDER BY u.opened_ms DESC, c.call_id DESC
LIMIT 2 * :most
