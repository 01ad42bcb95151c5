-- Model choice: where the calls of a span ran, by workflow, place and target, and what they cost there.
-- A call stands with the target that answered, or was asked last; what its attempts elsewhere cost goes with it.
WITH sliced AS (
    SELECT workflow, place, target, calls, ok, cost_nano_usd, cost_unknown, hardware_nano_usd, overhead_nano_usd
    FROM rollup_hour
    WHERE bucket_ms >= :since_ms AND bucket_ms < :first_day_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
    UNION ALL
    SELECT workflow, place, target, calls, ok, cost_nano_usd, cost_unknown, hardware_nano_usd, overhead_nano_usd
    FROM rollup_day
    WHERE bucket_ms >= :first_day_ms AND bucket_ms < :last_day_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
    UNION ALL
    SELECT workflow, place, target, calls, ok, cost_nano_usd, cost_unknown, hardware_nano_usd, overhead_nano_usd
    FROM rollup_hour
    WHERE bucket_ms >= :last_day_ms AND bucket_ms < :until_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
)
SELECT workflow,
       place,
       target,
       SUM(calls) AS calls,
       SUM(ok) AS ok,
       SUM(cost_nano_usd) AS cost_nano_usd,
       SUM(cost_unknown) AS cost_unknown,
       SUM(hardware_nano_usd) AS hardware_nano_usd,
       SUM(overhead_nano_usd) AS overhead_nano_usd
FROM sliced
GROUP BY workflow, place, target
ORDER BY workflow, place, target
