INSERT INTO switch (kind, name, since_ms, actor, reason)
VALUES (:kind, :name, :since_ms, :actor, :reason)
ON CONFLICT (kind, name) DO UPDATE SET actor = excluded.actor, reason = excluded.reason
