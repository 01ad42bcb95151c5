-- Failed attempts of a span by workflow, target, kind of step and error, and when they were first and last met.
SELECT workflow, target, kind, error, SUM(failed) AS failed, MIN(bucket_ms) AS first_ms, MAX(bucket_ms) AS last_ms
FROM failure_hour
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
GROUP BY workflow, target, kind, error
ORDER BY workflow, target, kind, error
