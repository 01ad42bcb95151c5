SELECT COALESCE(SUM(calls), 0) AS calls, COALESCE(SUM(calls - ok), 0) AS failed, COALESCE(SUM(fallbacks), 0) AS fallbacks
FROM rollup_minute
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms AND (:workflow = '' OR workflow = :workflow) AND (:target = '' OR target = :target)
