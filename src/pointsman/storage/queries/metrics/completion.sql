-- Units by workflow and maturity: those opened before `:mature_ms` had the whole window in which an outcome counts.
-- Completion rate = in_time / units of the mature ones. Their cost is all that was spent on them, whenever that was.
SELECT workflow,
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
       SUM(escalated) AS escalated,
       SUM(to_person) AS to_person,
       SUM(value_nano_usd) AS value_nano_usd
FROM (
    SELECT rollup_unit.*, CASE WHEN bucket_ms < :mature_ms THEN 1 ELSE 0 END AS is_mature
    FROM rollup_unit
    WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
      AND COALESCE(:workflow, workflow) = workflow
      AND COALESCE(:tenant, tenant) = tenant
      AND COALESCE(:team, team) = team
      AND COALESCE(:application, application) = application
) AS units
GROUP BY workflow, is_mature
ORDER BY workflow, is_mature
