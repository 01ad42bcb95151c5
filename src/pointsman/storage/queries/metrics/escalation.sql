-- Escalation: calls that went to a stronger target because an answer was not good enough, and calls that went to a person, by workflow.
WITH sliced AS (
    SELECT workflow, calls, escalations, to_person
    FROM rollup_hour
    WHERE bucket_ms >= :since_ms AND bucket_ms < :first_day_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
    UNION ALL
    SELECT workflow, calls, escalations, to_person
    FROM rollup_day
    WHERE bucket_ms >= :first_day_ms AND bucket_ms < :last_day_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
    UNION ALL
    SELECT workflow, calls, escalations, to_person
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
       SUM(escalations) AS escalations,
       SUM(to_person) AS to_person
FROM sliced
GROUP BY workflow
ORDER BY workflow
