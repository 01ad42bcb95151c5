-- An item, by the difference.
UPDATE unit
SET cost_nano_usd = cost_nano_usd + :cost, overhead_nano_usd = overhead_nano_usd + :overhead, cost_unknown = cost_unknown + :unknown
WHERE tenant = :tenant AND workflow = :workflow AND unit = :unit
