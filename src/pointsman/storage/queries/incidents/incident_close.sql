UPDATE incident SET closed_ms = :at_ms, until_ms = COALESCE(until_ms, :at_ms) WHERE incident_id = :incident_id AND closed_ms IS NULL
