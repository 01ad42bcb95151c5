-- Units of a span by workflow, by who bears them (`:by` is team, application or tenant), and by maturity.
SELECT workflow,
       name,
       is_mature,
       SUM(units) AS units,
       SUM(told) AS told,
       SUM(useful) AS useful,
       SUM(reversed) AS reversed,
       SUM(in_time) AS in_time,
       SUM(calls) AS calls,
       SUM(cost_nano_usd) AS cost_nano_usd,
       SUM(cost_unknown) AS cost_unknown,
       SUM(hardware_nano_usd) AS hardware_nano_usd,
       SUM(overhead_nano_usd) AS overhead_nano_usd,
       SUM(human_nano_usd) AS human_nano_usd,
       SUM(human_s) AS human_s,
       SUM(value_nano_usd) AS value_nano_usd
FROM (
    SELECT rollup_unit.*,
           CASE :by WHEN 'team' THEN team WHEN 'application' THEN application ELSE tenant END AS name,
           CASE WHEN bucket_ms < :mature_ms THEN 1 ELSE 0 END AS is_mature
    FROM rollup_unit
    WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
) AS units
GROUP BY workflow, name, is_mature
ORDER BY workflow, name, is_mature
