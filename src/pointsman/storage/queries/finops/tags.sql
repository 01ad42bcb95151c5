-- What calls with each value of a tag cost, by whole days.
SELECT value,
       SUM(calls) AS calls,
       SUM(cost_nano_usd) AS cost_nano_usd,
       SUM(cost_unknown) AS cost_unknown
FROM rollup_tag_day
WHERE tag = :tag AND bucket_ms >= :since_ms AND bucket_ms < :until_ms AND (:workflow = '' OR workflow = :workflow)
GROUP BY value
ORDER BY value
