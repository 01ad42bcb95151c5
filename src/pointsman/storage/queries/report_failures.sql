-- Failed attempts by target and kind, and how many attempts the target had, in a span of time.
WITH attempts AS (
    SELECT attempt.place AS place, attempt.target AS target, attempt.error AS error, attempt.call_id AS call_id
    FROM call
    JOIN attempt ON attempt.call_id = call.call_id
    WHERE call.call_id >= :first_id AND call.started_ms >= :since_ms AND call.started_ms < :until_ms
),
totals AS (
    SELECT place, target, COUNT(*) AS attempts
    FROM attempts
    GROUP BY place, target
)
SELECT attempts.place AS place,
       attempts.target AS target,
       attempts.error AS error,
       COUNT(*) AS failed,
       COUNT(DISTINCT attempts.call_id) AS calls,
       totals.attempts AS attempts
FROM attempts
JOIN totals ON totals.place = attempts.place AND totals.target = attempts.target
WHERE attempts.error IS NOT NULL
GROUP BY attempts.place, attempts.target, attempts.error, totals.attempts
ORDER BY failed DESC, attempts.target, attempts.error
