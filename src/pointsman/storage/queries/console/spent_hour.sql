-- What attempts cost by one dimension and by step of a chart. Steps begin at :since_ms and are :step_ms wide. A team or application is named with its tenant.
SELECT :since_ms + (bucket_ms - :since_ms) / :step_ms * :step_ms AS at_ms,
       CASE :by
           WHEN 'team' THEN tenant || '/' || team
           WHEN 'application' THEN tenant || '/' || application
           WHEN 'workflow' THEN workflow
           WHEN 'capability' THEN capability
           WHEN 'tenant' THEN tenant
           WHEN 'place' THEN place
           ELSE target
       END AS name,
       SUM(cost_nano_usd) AS cost_nano_usd
FROM rollup_hour
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
GROUP BY 1, 2
