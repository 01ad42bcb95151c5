-- The same of units that were learned from, or passed over, before the outcome that counts now was told.
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
    SELECT recorded, tenant, unit, outcome_id
    FROM outcome
    WHERE recorded > :recorded
    ORDER BY recorded DESC
    LIMIT :most
) AS o
JOIN unit AS u ON u.tenant = o.tenant AND u.workflow = :workflow AND u.unit = o.unit AND u.outcome_id = o.outcome_id
              AND u.opened_ms <= :after_ms AND u.state <> 'open'
JOIN call AS c ON c.tenant = u.tenant AND c.unit = u.unit AND c.workflow = u.workflow AND c.status = 'ok'
              AND c.place IN ('private', 'cloud', 'edge', 'people')
LEFT JOIN decision AS d ON d.call_id = c.call_id AND d.seq = 0
ORDER BY o.recorded DESC, c.call_id DESC
LIMIT :most
