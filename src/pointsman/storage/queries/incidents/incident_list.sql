SELECT incident_id, opened_ms, closed_ms, severity, title, workflow, target, cause, snapshot, since_ms, until_ms, opened_by FROM incident
WHERE incident_id < :before AND (closed_ms IS NULL OR :closed_too = 1)
ORDER BY incident_id DESC
LIMIT :most
