-- Snapshots that came into force before the end of a span, newest first, with what was predicted of them.
SELECT snapshot.digest AS digest, snapshot.since_ms AS since_ms, snapshot.author AS author, release.workflow AS workflow, release.predicted_effect AS predicted_effect
FROM snapshot
LEFT JOIN release ON release.snapshot = snapshot.digest
WHERE snapshot.since_ms < :until_ms
ORDER BY snapshot.since_ms DESC
LIMIT :most
