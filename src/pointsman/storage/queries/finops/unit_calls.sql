-- The calls of one item.
SELECT call_id, target, place, status, cost_nano_usd
FROM call
WHERE tenant = :tenant AND unit = :unit AND workflow = :workflow
ORDER BY call_id
