SELECT digest, since_ms, parent, author FROM snapshot
WHERE since_ms <= :at_ms
ORDER BY since_ms DESC
LIMIT 1
