SELECT digest, since_ms, parent, author, files FROM snapshot
WHERE since_ms < :before_ms
ORDER BY since_ms DESC, digest
LIMIT 1
