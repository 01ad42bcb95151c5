-- What models did in the calls of units of a workflow: how long they took, what they cost, how much they wrote; newest units first. `error` is empty for a
-- good answer.
SELECT a.call_id AS call_id,
       c.capability AS capability,
       a.target AS target,
       c.started_ms AS at_ms,
       COALESCE(a.error, '') AS error,
       a.latency_ms AS latency_ms,
       a.tokens_in AS tokens_in,
       a.tokens_out AS tokens_out,
       a.cost_nano_usd AS cost_nano_usd,
       a.shadow AS shadow,
       d.features AS features
FROM (
    SELECT tenant, workflow, unit, last_ms
    FROM unit
    WHERE workflow = :workflow AND last_ms > :after_ms AND opened_ms > :since_ms AND opened_ms <= :until_ms
    ORDER BY opened_ms DESC, tenant, unit
    LIMIT :most
) AS u
JOIN call AS c ON c.tenant = u.tenant AND c.unit = u.unit AND c.workflow = u.workflow AND c.started_ms > :after_ms AND c.started_ms <= :until_ms
JOIN attempt AS a ON a.call_id = c.call_id AND a.kind = 'model'
LEFT JOIN decision AS d ON d.call_id = c.call_id AND d.seq = 0
ORDER BY u.last_ms DESC, a.call_id DESC, a.seq
LIMIT :most
