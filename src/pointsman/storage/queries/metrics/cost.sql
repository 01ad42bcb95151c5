-- What the calls of a span cost, by workflow. `cost_nano_usd` is everything; hardware and overhead are parts of it.
-- Whole days come from the daily roll-ups, what is left of the span from the hourly ones.
WITH sliced AS (
    SELECT workflow, calls, ok, fallbacks, cost_nano_usd, cost_unknown, hardware_nano_usd, overhead_nano_usd, latency_ms
    FROM rollup_hour
    WHERE bucket_ms >= :since_ms AND bucket_ms < :first_day_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
    UNION ALL
    SELECT workflow, calls, ok, fallbacks, cost_nano_usd, cost_unknown, hardware_nano_usd, overhead_nano_usd, latency_ms
    FROM rollup_day
    WHERE bucket_ms >= :first_day_ms AND bucket_ms < :last_day_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
    UNION ALL
    SELECT workflow, calls, ok, fallbacks, cost_nano_usd, cost_unknown, hardware_nano_usd, overhead_nano_usd, latency_ms
    FROM rollup_hour
    WHERE bucket_ms >= :last_day_ms AND bucket_ms < :until_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
)
SELECT workflow,
       SUM(calls) AS calls,
       SUM(ok) AS ok,
       SUM(fallbacks) AS fallbacks,
       SUM(cost_nano_usd) AS cost_nano_usd,
       SUM(cost_unknown) AS cost_unknown,
       SUM(hardware_nano_usd) AS hardware_nano_usd,
       SUM(overhead_nano_usd) AS overhead_nano_usd,
       SUM(latency_ms) AS latency_ms
FROM sliced
GROUP BY workflow
ORDER BY workflow
