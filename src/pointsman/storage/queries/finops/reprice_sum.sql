-- What a call's attempts cost together.
SELECT SUM(cost_nano_usd) AS cost_nano_usd
FROM attempt
WHERE call_id = :call_id
