-- When snapshots came into force, newest first, up to a time; `parent` is the one before. Texts are left out: they are long.
SELECT digest, since_ms, parent, author
FROM snapshot
WHERE since_ms >= :since_ms AND since_ms < :until_ms
ORDER BY since_ms DESC, digest
LIMIT :most
