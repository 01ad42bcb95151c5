-- Calls by the hour: all, those in bins below that of the threshold, and those in its own bin.
SELECT bucket_ms, SUM(calls) AS calls, SUM(CASE WHEN bin < :bin THEN calls ELSE 0 END) AS quick, SUM(CASE WHEN bin = :bin THEN calls ELSE 0 END) AS between_them
FROM latency_hour
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms AND workflow = :workflow
GROUP BY bucket_ms
