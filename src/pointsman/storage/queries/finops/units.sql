-- Items opened in a span, by who they belong to. `:workflow` may be empty for all.
SELECT workflow,
       tenant,
       team,
       application,
       SUM(units) AS units,
       SUM(told) AS told,
       SUM(useful) AS useful,
       SUM(reversed) AS reversed,
       SUM(calls) AS calls,
       SUM(cost_nano_usd) AS cost_nano_usd,
       SUM(cost_unknown) AS cost_unknown,
       SUM(overhead_nano_usd) AS overhead_nano_usd,
       SUM(human_nano_usd) AS human_nano_usd,
       SUM(human_s) AS human_s,
       SUM(value_nano_usd) AS value_nano_usd
FROM rollup_unit
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms AND (:workflow = '' OR workflow = :workflow)
GROUP BY workflow, tenant, team, application
ORDER BY workflow, tenant, team, application
