-- Answers that were not given and were scored, each beside the same judge's score of the answer that was given, and what became of the unit; newest first.
SELECT s.call_id AS call_id,
       c.tenant AS tenant,
       c.unit AS unit,
       c.target AS given,
       s.target AS other,
       s.value AS other_value,
       g.value AS given_value,
       COALESCE(u.state, 'open') AS state,
       s.is_human AS is_human,
       s.selection_propensity AS propensity,
       s.at_ms AS at_ms,
       d.features AS features
FROM score AS s
JOIN call AS c ON c.call_id = s.call_id
LEFT JOIN score AS g ON g.call_id = s.call_id AND g.target = '' AND g.metric = s.metric AND g.judge = s.judge
LEFT JOIN unit AS u ON u.tenant = c.tenant AND u.workflow = c.workflow AND u.unit = c.unit
LEFT JOIN decision AS d ON d.call_id = c.call_id AND d.seq = 0
WHERE s.workflow = :workflow AND s.at_ms > :after_ms AND s.at_ms <= :until_ms AND s.target <> '' AND c.capability = :capability
  AND c.target IS NOT NULL AND COALESCE(d.mode, 'policy') <> 'explore'
ORDER BY s.at_ms DESC, s.score_id
LIMIT :most
