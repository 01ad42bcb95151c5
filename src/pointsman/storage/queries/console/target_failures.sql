-- Failed attempts of a span by target, whoever answered in the end, and when the last was (by the hour).
SELECT target, SUM(failed) AS failed, MAX(bucket_ms) AS last_ms
FROM failure_hour
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
GROUP BY target
ORDER BY target
