INSERT INTO budget_event (event_id, at_ms, kind, subject, rule, says, value, threshold, told_ms)
VALUES (:event_id, :at_ms, :kind, :subject, :rule, :says, :value, :threshold, :told_ms)
ON CONFLICT (event_id) DO NOTHING
