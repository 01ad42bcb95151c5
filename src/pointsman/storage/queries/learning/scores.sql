-- Measured qualities of answers of models or people in a workflow, also of answers that were not given; newest first.
SELECT s.call_id AS call_id,
       c.capability AS capability,
       CASE WHEN s.target = '' THEN c.target ELSE s.target END AS target,
       CASE WHEN s.target = '' THEN 1 ELSE 0 END AS is_given,
       s.value AS value,
       s.is_human AS is_human,
       s.selection_propensity AS propensity,
       s.at_ms AS at_ms,
       CASE WHEN EXISTS (SELECT 1 FROM score AS p WHERE p.call_id = c.call_id AND p.target <> '') THEN 1 ELSE 0 END AS is_paired,
       d.features AS features
FROM score AS s
JOIN call AS c ON c.call_id = s.call_id
LEFT JOIN decision AS d ON d.call_id = c.call_id AND d.seq = 0
WHERE s.workflow = :workflow AND s.at_ms > :after_ms AND s.at_ms <= :until_ms AND s.metric <> 'agreement'
  AND (s.target <> '' OR c.place IN ('private', 'cloud', 'edge', 'people'))
ORDER BY s.at_ms DESC, s.score_id
LIMIT :most
