-- Latencies of whole calls by workflow in a span, as a histogram with five bins to an octave.
SELECT workflow, bin, SUM(calls) AS calls
FROM latency_hour
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
  AND COALESCE(:workflow, workflow) = workflow
  AND COALESCE(:capability, capability) = capability
GROUP BY workflow, bin
ORDER BY workflow, bin
