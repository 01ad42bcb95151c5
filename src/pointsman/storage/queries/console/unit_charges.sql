-- What was charged to a unit beside its calls.
SELECT charge_id, at_ms, kind, queue, seconds, nano_usd, source
FROM charge
WHERE tenant = :tenant AND workflow = :workflow AND unit = :unit
ORDER BY at_ms, charge_id
LIMIT :most
