-- What each snapshot did, by workflow.
WITH sliced AS (
    SELECT workflow, snapshot, calls, ok, escalations, to_person, cost_nano_usd, cost_unknown, latency_ms
    FROM rollup_hour
    WHERE bucket_ms >= :since_ms AND bucket_ms < :first_day_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
    UNION ALL
    SELECT workflow, snapshot, calls, ok, escalations, to_person, cost_nano_usd, cost_unknown, latency_ms
    FROM rollup_day
    WHERE bucket_ms >= :first_day_ms AND bucket_ms < :last_day_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
    UNION ALL
    SELECT workflow, snapshot, calls, ok, escalations, to_person, cost_nano_usd, cost_unknown, latency_ms
    FROM rollup_hour
    WHERE bucket_ms >= :last_day_ms AND bucket_ms < :until_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
)
SELECT workflow,
       snapshot,
       SUM(calls) AS calls,
       SUM(ok) AS ok,
       SUM(escalations) AS escalations,
       SUM(to_person) AS to_person,
       SUM(cost_nano_usd) AS cost_nano_usd,
       SUM(cost_unknown) AS cost_unknown,
       SUM(latency_ms) AS latency_ms
FROM sliced
GROUP BY workflow, snapshot
ORDER BY workflow, snapshot
