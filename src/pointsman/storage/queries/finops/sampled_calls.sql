-- Items opened from a time on, as `sampled` draws them, with the calls that models answered, and what answered beside those of one target (`:shadowed`, or '')
-- with nobody waiting: `shadow_error` is empty where that answer passed the checks.
SELECT u.tenant AS tenant,
       u.unit AS unit,
       u.state AS state,
       c.call_id AS call_id,
       c.target AS target,
       COALESCE(a.target, '') AS shadow,
       COALESCE(a.error, '') AS shadow_error,
       COALESCE(a.cost_nano_usd, 0) AS shadow_nano_usd
FROM (
    SELECT tenant, unit, state, opened_ms
    FROM unit
    WHERE workflow = :workflow AND opened_ms >= :since_ms AND opened_ms < :until_ms
    ORDER BY opened_ms, tenant, unit
    LIMIT :most
) AS u
LEFT JOIN call AS c ON c.tenant = u.tenant AND c.unit = u.unit AND c.workflow = :workflow AND c.status = 'ok' AND c.place IN ('private', 'cloud', 'edge')
LEFT JOIN attempt AS a ON a.call_id = c.call_id AND c.target = :shadowed AND a.shadow = 1 AND a.kind = 'model'
ORDER BY u.opened_ms, u.tenant, u.unit, c.call_id, a.seq
