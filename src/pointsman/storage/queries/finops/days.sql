-- Cost by day and by who bears it.
SELECT bucket_ms,
       workflow,
       capability,
       target,
       tenant,
       team,
       application,
       SUM(cost_nano_usd) AS cost_nano_usd,
       SUM(cost_unknown) AS cost_unknown,
       SUM(calls) AS calls
FROM rollup_day
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
GROUP BY bucket_ms, workflow, capability, target, tenant, team, application
ORDER BY bucket_ms
