UPDATE budget_event SET told_ms = :told_ms WHERE event_id = :event_id AND told_ms = :seen_ms
