SELECT bucket_ms, SUM(units) AS units, SUM(told) AS told, SUM(useful) AS useful, SUM(cost_nano_usd) AS cost_nano_usd, SUM(human_nano_usd) AS human_nano_usd
FROM rollup_unit
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms AND workflow = :workflow
GROUP BY bucket_ms
