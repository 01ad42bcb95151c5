-- Incidents that were opened in a span, newest first.
SELECT incident_id, opened_ms, closed_ms, severity, title, workflow
FROM incident
WHERE opened_ms >= :since_ms AND opened_ms < :until_ms
ORDER BY opened_ms DESC, incident_id
LIMIT :most
