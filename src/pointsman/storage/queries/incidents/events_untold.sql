-- A negative time is when an event is to be told again.
SELECT event_id, at_ms, kind, subject, rule, says, value, threshold, told_ms FROM budget_event
WHERE at_ms > :since_ms AND told_ms < 0
ORDER BY at_ms
LIMIT 100
