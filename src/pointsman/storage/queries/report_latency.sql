-- Latencies by capability in a span of time, as a histogram.
SELECT capability, bin, SUM(calls) AS calls
FROM latency_hour
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
GROUP BY capability, bin
ORDER BY capability, bin
