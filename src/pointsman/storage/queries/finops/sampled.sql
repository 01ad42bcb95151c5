-- Items opened from a time on, in order of time: the index on it bounds the question.
SELECT tenant,
       unit,
       team,
       application,
       opened_ms,
       state,
       calls,
       cost_nano_usd,
       cost_unknown,
       overhead_nano_usd,
       human_nano_usd,
       human_s,
       COALESCE(value_nano_usd, 0) AS value_nano_usd
FROM unit
WHERE workflow = :workflow AND opened_ms >= :since_ms AND opened_ms < :until_ms
ORDER BY opened_ms, tenant, unit
LIMIT :most
