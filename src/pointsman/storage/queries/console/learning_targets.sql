-- Where the calls of a capability ran, by target. What never reached a target is left out.
SELECT target, place, SUM(calls) AS calls, SUM(cost_nano_usd) AS cost_nano_usd, SUM(cost_unknown) AS cost_unknown
FROM rollup_hour
WHERE bucket_ms >= :since_ms AND bucket_ms < :until_ms AND capability = :capability AND place NOT IN ('none', 'rules', 'cache')
GROUP BY target, place
ORDER BY calls DESC, target
