-- The snapshot in which a failure of an hour was met; of several the one by which most failed.
SELECT snapshot
FROM failure_hour
WHERE bucket_ms = :first_ms AND workflow = :workflow AND target = :target AND kind = :kind AND error = :error
ORDER BY failed DESC, snapshot
LIMIT 1
