SELECT event_id FROM budget_event
WHERE at_ms > :since_ms AND kind = :kind AND subject = :subject AND rule = :rule
LIMIT 1
