-- Of the next so many calls in the order of time, those that the incident may have met: not answered, with a failed attempt, judged to be bad, or rejected
-- by a person. The last one looked at is where the next page begins.
SELECT scanned.call_id, scanned.started_ms, scanned.capability, scanned.workflow, scanned.unit, scanned.target, scanned.status, scanned.latency_ms, scanned.is_met
FROM (
    SELECT call.call_id, call.started_ms, call.capability, call.workflow, call.unit, COALESCE(call.target, '') AS target, call.status, call.latency_ms,
           CASE WHEN (:workflow = '' OR call.workflow = :workflow)
                 AND (call.status <> 'ok' OR EXISTS (
                     SELECT 1 FROM attempt
                     WHERE attempt.call_id = call.call_id AND attempt.error IS NOT NULL AND (:target = '' OR attempt.target = :target)
                 ) OR EXISTS (
                     SELECT 1 FROM score WHERE score.call_id = call.call_id AND score.value < 0.5
                 ) OR EXISTS (
                     SELECT 1 FROM review WHERE review.call_id = call.call_id AND review.verdict IN ('rejected', 'rerouted')
                 ))
                 AND (:target = '' OR call.target = :target OR EXISTS (
                     SELECT 1 FROM attempt WHERE attempt.call_id = call.call_id AND attempt.target = :target
                 ))
                THEN 1 ELSE 0 END AS is_met
    FROM call
    WHERE call.call_id > :after AND call.call_id < :last_id
    ORDER BY call.call_id
    LIMIT :scan
) AS scanned
ORDER BY scanned.call_id
