-- The newest calls of one hour in which an attempt failed this way. The hour bounds the question: ids begin with their time.
SELECT call.call_id AS call_id
FROM call
JOIN attempt ON attempt.call_id = call.call_id
WHERE call.call_id >= :first_id AND call.call_id < :last_id
  AND call.workflow = :workflow AND attempt.target = :target AND attempt.kind = :kind AND attempt.error = :error
GROUP BY call.call_id
ORDER BY call.call_id DESC
LIMIT :most
