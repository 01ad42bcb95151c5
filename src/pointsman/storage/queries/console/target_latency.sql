-- Latencies of calls by the target that answered, in every `:stride_ms`-th hour of a span, as a histogram with five bins to an octave.
WITH RECURSIVE hours (at_ms) AS (
    SELECT CAST(:since_ms AS INTEGER)
    UNION ALL
    SELECT at_ms + :stride_ms
    FROM hours
    WHERE at_ms + :stride_ms < :until_ms
)
SELECT target, bin, SUM(calls) AS calls
FROM hours
JOIN latency_hour ON latency_hour.bucket_ms = hours.at_ms
WHERE target <> ''
GROUP BY target, bin
ORDER BY target, bin
