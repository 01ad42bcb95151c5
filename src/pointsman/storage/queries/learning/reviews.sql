-- What people said of answers of models or people in a workflow; newest first.
SELECT r.call_id AS call_id,
       c.capability AS capability,
       c.target AS target,
       r.verdict AS verdict,
       r.edit_distance AS edit_distance,
       r.selection_propensity AS propensity,
       r.done_ms AS at_ms,
       CASE WHEN EXISTS (SELECT 1 FROM score AS p WHERE p.call_id = c.call_id AND p.target <> '') THEN 1 ELSE 0 END AS is_paired,
       d.features AS features
FROM review AS r
JOIN call AS c ON c.call_id = r.call_id AND c.status = 'ok' AND c.place IN ('private', 'cloud', 'edge', 'people')
LEFT JOIN decision AS d ON d.call_id = c.call_id AND d.seq = 0
WHERE r.workflow = :workflow AND r.done_ms > :after_ms AND r.done_ms <= :until_ms AND r.verdict IS NOT NULL
ORDER BY r.done_ms DESC, r.review_id
LIMIT :most
