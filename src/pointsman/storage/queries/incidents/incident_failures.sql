SELECT target, kind, error, SUM(failed) AS failed FROM failure_hour
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms AND (:workflow = '' OR workflow = :workflow) AND (:target = '' OR target = :target)
GROUP BY target, kind, error
ORDER BY failed DESC, target, kind, error
LIMIT 20
