-- Tokens of a span by workflow. `tokens_in` counts what was read from a vendor's cache too, `tokens_out` what was reasoned.
WITH sliced AS (
    SELECT workflow, tokens_in, tokens_out, cache_read, reasoning
    FROM rollup_hour
    WHERE bucket_ms >= :since_ms AND bucket_ms < :first_day_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
    UNION ALL
    SELECT workflow, tokens_in, tokens_out, cache_read, reasoning
    FROM rollup_day
    WHERE bucket_ms >= :first_day_ms AND bucket_ms < :last_day_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
    UNION ALL
    SELECT workflow, tokens_in, tokens_out, cache_read, reasoning
    FROM rollup_hour
    WHERE bucket_ms >= :last_day_ms AND bucket_ms < :until_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:capability, capability) = capability
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
)
SELECT workflow,
       SUM(tokens_in) AS tokens_in,
       SUM(tokens_out) AS tokens_out,
       SUM(cache_read) AS cache_read,
       SUM(reasoning) AS reasoning
FROM sliced
GROUP BY workflow
ORDER BY workflow
