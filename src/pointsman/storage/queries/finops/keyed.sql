-- What one day's (or hour's) calls of each key and user cost. Call ids begin with their time, so the primary key bounds the question.
SELECT tenant,
       key_id,
       "user" AS who,
       SUM(COALESCE(cost_nano_usd, 0)) AS cost_nano_usd,
       COUNT(*) AS calls
FROM call
WHERE call_id >= :first_id AND call_id < :last_id
GROUP BY tenant, key_id, "user"
ORDER BY tenant, key_id, "user"
