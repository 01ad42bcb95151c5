INSERT INTO incident_event (incident_id, seq, at_ms, kind, actor, says)
SELECT :incident_id, COALESCE(MAX(seq), -1) + 1, :at_ms, :kind, :actor, :says FROM incident_event WHERE incident_id = :incident_id
