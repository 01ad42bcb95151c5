-- What calls cost in a span of whole hours: whole days by the day, the ragged ends by the hour. An empty `:workflow` asks for all of them.
SELECT workflow, capability, place, target, tenant, team, application,
       SUM(calls) AS calls,
       SUM(ok) AS ok,
       SUM(escalations) AS escalations,
       SUM(to_person) AS to_person,
       SUM(cost_nano_usd) AS cost_nano_usd,
       SUM(cost_unknown) AS cost_unknown,
       SUM(hardware_nano_usd) AS hardware_nano_usd,
       SUM(overhead_nano_usd) AS overhead_nano_usd,
       SUM(tokens_in) AS tokens_in,
       SUM(tokens_out) AS tokens_out,
       SUM(cache_read) AS cache_read,
       SUM(latency_ms) AS latency_ms
FROM (
    SELECT workflow, capability, place, target, tenant, team, application,
           calls, ok, escalations, to_person, cost_nano_usd, cost_unknown, hardware_nano_usd, overhead_nano_usd, tokens_in, tokens_out, cache_read, latency_ms
    FROM rollup_day
    WHERE bucket_ms >= :day_since_ms AND bucket_ms < :day_until_ms
    UNION ALL
    SELECT workflow, capability, place, target, tenant, team, application,
           calls, ok, escalations, to_person, cost_nano_usd, cost_unknown, hardware_nano_usd, overhead_nano_usd, tokens_in, tokens_out, cache_read, latency_ms
    FROM rollup_hour
    WHERE bucket_ms >= :since_ms AND bucket_ms < :day_since_ms
    UNION ALL
    SELECT workflow, capability, place, target, tenant, team, application,
           calls, ok, escalations, to_person, cost_nano_usd, cost_unknown, hardware_nano_usd, overhead_nano_usd, tokens_in, tokens_out, cache_read, latency_ms
    FROM rollup_hour
    WHERE bucket_ms >= :day_until_ms AND bucket_ms < :until_ms
) AS spent
WHERE :workflow = '' OR workflow = :workflow
GROUP BY workflow, capability, place, target, tenant, team, application
ORDER BY workflow, capability, place, target, tenant, team, application
