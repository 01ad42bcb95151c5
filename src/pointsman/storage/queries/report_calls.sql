-- Calls by capability and place in a span of time, from the hourly roll-ups.
SELECT capability,
       place,
       SUM(calls) AS calls,
       SUM(ok) AS ok,
       SUM(fallbacks) AS fallbacks,
       SUM(cost_nano_usd) AS cost_nano_usd,
       SUM(cost_unknown) AS cost_unknown,
       SUM(tokens_in) AS tokens_in,
       SUM(tokens_out) AS tokens_out
FROM rollup_hour
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
GROUP BY capability, place
ORDER BY capability, place
