SELECT digest, since_ms, parent, author, files FROM snapshot
WHERE digest LIKE :digest AND since_ms <= :until_ms
ORDER BY since_ms DESC
LIMIT 1
