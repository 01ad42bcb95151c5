-- Every workflow as it was last in force.
SELECT name, owner, unit_name, window_ms, complete_ms, value_nano_usd, human_hourly_nano_usd
FROM workflow
WHERE since_ms = (SELECT MAX(newest.since_ms) FROM workflow AS newest WHERE newest.name = workflow.name)
ORDER BY name
