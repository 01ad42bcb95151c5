SELECT seq, at_ms, kind, actor, says FROM incident_event WHERE incident_id = :incident_id ORDER BY seq LIMIT 1000
