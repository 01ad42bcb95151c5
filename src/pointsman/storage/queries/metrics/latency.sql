-- Latencies of whole calls by workflow in every `:stride_ms`-th hour of a span, as a histogram with five bins to an octave.
WITH RECURSIVE hours (at_ms) AS (
    SELECT CAST(:since_ms AS INTEGER)
    UNION ALL
    SELECT at_ms + :stride_ms
    FROM hours
    WHERE at_ms + :stride_ms < :until_ms
)
SELECT workflow, bin, SUM(calls) AS calls
FROM hours
JOIN latency_hour ON latency_hour.bucket_ms = hours.at_ms
WHERE COALESCE(:workflow, workflow) = workflow
  AND COALESCE(:capability, capability) = capability
GROUP BY workflow, bin
ORDER BY workflow, bin
