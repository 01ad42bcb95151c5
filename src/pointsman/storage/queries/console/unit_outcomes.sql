-- What was told about a unit, in the order in which it was told.
SELECT recorded, outcome_id, kind, success, reversed, value_nano_usd, at_ms, source, supersedes, human_s, queue
FROM outcome
WHERE tenant = :tenant AND unit = :unit AND (workflow IS NULL OR workflow = :workflow)
ORDER BY recorded
LIMIT :most
