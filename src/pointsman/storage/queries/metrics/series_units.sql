-- Units by the hour or day (`:step_ms`) in which they were opened.
SELECT at_ms AS bucket_ms,
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
       SUM(escalated) AS escalated,
       SUM(to_person) AS to_person,
       SUM(value_nano_usd) AS value_nano_usd
FROM (
    SELECT rollup_unit.*, bucket_ms - bucket_ms % :step_ms AS at_ms
    FROM rollup_unit
    WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
) AS units
GROUP BY at_ms
ORDER BY at_ms
