-- Calls in order of their key, a page at a time, each with its choice, what became of its unit, and how its answer was scored.
SELECT c.call_id AS call_id,
       c.started_ms AS started_ms,
       c.capability AS capability,
       c.tenant AS tenant,
       c.workflow AS workflow,
       c.unit AS unit,
       c.key_id AS key_id,
       c.team AS team,
       c.application AS application,
       c."user" AS end_user,
       c.session AS session,
       c.data_class AS data_class,
       c.status AS status,
       c.stream AS stream,
       c.latency_ms AS latency_ms,
       c.cost_nano_usd AS cost_nano_usd,
       COALESCE(d.vetoes, c.considered) AS vetoes,
       COALESCE(d.mode, 'policy') AS mode,
       COALESCE(d.propensity, 1.0) AS propensity,
       d.weighed AS weighed,
       d.features AS features,
       COALESCE(u.state, 'open') AS state,
       COALESCE(u.opened_ms, c.started_ms) AS opened_ms,
       (SELECT AVG(s.value) FROM score AS s WHERE s.call_id = c.call_id AND s.target = '') AS score
FROM call AS c
LEFT JOIN decision AS d ON d.call_id = c.call_id AND d.seq = 0
LEFT JOIN unit AS u ON u.tenant = c.tenant AND u.workflow = c.workflow AND u.unit = c.unit
WHERE c.call_id > :after_id AND c.call_id < :last_id
ORDER BY c.call_id
LIMIT :most
