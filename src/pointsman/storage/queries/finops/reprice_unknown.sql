-- Whether some attempt of a call still has no known cost.
SELECT seq
FROM attempt
WHERE call_id = :call_id AND cost_nano_usd IS NULL
LIMIT 1
