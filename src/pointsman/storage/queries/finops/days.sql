-- Cost and tokens by day and by who bears it.
SELECT bucket_ms,
       workflow,
       capability,
       place,
       target,
       tenant,
       team,
       application,
       SUM(calls) AS calls,
       SUM(cost_nano_usd) AS cost_nano_usd,
       SUM(cost_unknown) AS cost_unknown,
       SUM(tokens_in) AS tokens_in,
       SUM(tokens_out) AS tokens_out,
       SUM(cache_read) AS cache_read
FROM rollup_day
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
GROUP BY bucket_ms, workflow, capability, place, target, tenant, team, application
ORDER BY bucket_ms
