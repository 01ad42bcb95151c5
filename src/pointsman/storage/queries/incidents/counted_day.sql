SELECT workflow, bucket_ms, SUM(calls) AS calls, SUM(ok) AS ok, SUM(escalations) AS escalations, SUM(to_person) AS to_person
FROM rollup_day
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
GROUP BY workflow, bucket_ms
