-- The calls of a unit, the first first.
SELECT call_id, started_ms, workflow, capability, status, target, place, latency_ms, attempts, cost_nano_usd, escalated_from, to_person
FROM call
WHERE tenant = :tenant AND unit = :unit AND workflow = :workflow
ORDER BY call_id
LIMIT :most
