-- How many items were opened in each hour.
SELECT bucket_ms, SUM(units) AS units
FROM rollup_unit
WHERE workflow = :workflow AND bucket_ms >= :since_ms AND bucket_ms < :until_ms
GROUP BY bucket_ms
ORDER BY bucket_ms
