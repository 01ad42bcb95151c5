-- The files of the snapshots that were in force last, newest first: among them is the one that names the learned parameters.
SELECT digest, since_ms, files
FROM snapshot
ORDER BY since_ms DESC, digest
LIMIT :most
