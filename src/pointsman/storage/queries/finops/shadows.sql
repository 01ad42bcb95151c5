-- What answered one call beside it, with nobody waiting: `error` is empty where the answer passed the checks.
SELECT target, COALESCE(error, '') AS error, cost_nano_usd
FROM attempt
WHERE call_id = :call_id AND shadow = 1 AND kind = 'model'
ORDER BY seq
