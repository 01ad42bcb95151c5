SELECT event_id, at_ms, kind, subject, rule, says, value, threshold, told_ms FROM budget_event
WHERE at_ms >= :since_ms AND at_ms < :until_ms
ORDER BY at_ms DESC, event_id DESC
LIMIT :most
