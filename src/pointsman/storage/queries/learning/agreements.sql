-- How far answers that were not given agree with those that were, of units of a workflow that had their time, with what became of the unit; newest units first.
-- One of the two values is 1: that of the answer which the other is held against.
SELECT c.call_id AS call_id,
       c.capability AS capability,
       c.target AS given,
       s.target AS target,
       g.value AS given_value,
       s.value AS value,
       u.state AS state,
       s.selection_propensity AS propensity,
       s.at_ms AS at_ms,
       1 AS is_paired,
       d.features AS features
FROM (
    SELECT tenant, workflow, unit, opened_ms, state
    FROM unit
    WHERE workflow = :workflow AND opened_ms > :after_ms AND opened_ms <= :until_ms
    ORDER BY opened_ms DESC, tenant, unit
    LIMIT :most
) AS u
JOIN call AS c ON c.tenant = u.tenant AND c.unit = u.unit AND c.workflow = u.workflow AND c.status = 'ok'
JOIN score AS s ON s.call_id = c.call_id AND s.metric = 'agreement' AND s.target <> ''
JOIN score AS g ON g.call_id = s.call_id AND g.metric = s.metric AND g.judge = s.judge AND g.target = ''
LEFT JOIN decision AS d ON d.call_id = c.call_id AND d.seq = 0
ORDER BY u.opened_ms DESC, s.score_id
LIMIT :most
