-- Calls and their cost by tag and its value, by whole days. A call without the tag is in none of the rows.
SELECT workflow,
       tag,
       value,
       SUM(calls) AS calls,
       SUM(cost_nano_usd) AS cost_nano_usd,
       SUM(cost_unknown) AS cost_unknown
FROM rollup_tag_day
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms
  AND COALESCE(:workflow, workflow) = workflow
GROUP BY workflow, tag, value
ORDER BY workflow, tag, value
