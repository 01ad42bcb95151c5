-- Calls that were answered somewhere, by step of a chart, and those that ran without the cloud. Steps begin at :since_ms and are :step_ms wide.
SELECT :since_ms + (bucket_ms - :since_ms) / :step_ms * :step_ms AS at_ms,
       SUM(calls) AS calls,
       SUM(CASE WHEN place = 'cloud' THEN 0 ELSE calls END) AS near
FROM rollup_hour
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms AND place <> 'none' AND COALESCE(:workflow, workflow) = workflow
GROUP BY 1
