-- What the calls of each hour of a span came to.
SELECT bucket_ms,
       SUM(calls) AS calls,
       SUM(ok) AS ok,
       SUM(cost_nano_usd) AS cost_nano_usd,
       SUM(cost_unknown) AS cost_unknown,
       SUM(hardware_nano_usd) AS hardware_nano_usd,
       SUM(overhead_nano_usd) AS overhead_nano_usd,
       SUM(escalations) AS escalations,
       SUM(to_person) AS to_person,
       SUM(tokens_in) AS tokens_in,
       SUM(tokens_out) AS tokens_out,
       SUM(latency_ms) AS latency_ms
FROM rollup_hour
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
  AND COALESCE(:workflow, workflow) = workflow
  AND COALESCE(:capability, capability) = capability
  AND COALESCE(:tenant, tenant) = tenant
  AND COALESCE(:team, team) = team
  AND COALESCE(:application, application) = application
GROUP BY bucket_ms
ORDER BY bucket_ms
