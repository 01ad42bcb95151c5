SELECT kind, name, since_ms, actor, reason FROM switch ORDER BY kind, name
