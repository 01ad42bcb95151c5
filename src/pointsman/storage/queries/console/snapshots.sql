-- When snapshots came into force, newest first; `parent` is the one before. The same one again, after a restart, is no news. Texts are left out: they are long.
SELECT digest, since_ms, parent, author
FROM snapshot
WHERE since_ms >= :since_ms AND since_ms < :until_ms AND COALESCE(parent, '') <> digest
ORDER BY since_ms DESC, digest
LIMIT :most
