INSERT INTO incident (incident_id, opened_ms, closed_ms, severity, title, workflow, target, cause, snapshot, since_ms, until_ms, opened_by)
VALUES (:incident_id, :opened_ms, NULL, :severity, :title, :workflow, :target, :cause, :snapshot, :since_ms, NULL, :opened_by)
