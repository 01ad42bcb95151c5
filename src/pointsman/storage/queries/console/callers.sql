-- Who called in a span, for filters.
SELECT tenant, team, application, SUM(calls) AS calls
FROM rollup_day
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
GROUP BY tenant, team, application
ORDER BY SUM(calls) DESC, tenant, team, application
LIMIT :most
