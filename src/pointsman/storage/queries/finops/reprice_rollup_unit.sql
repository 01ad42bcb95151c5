-- The roll-up of items, by the difference.
UPDATE rollup_unit
SET cost_nano_usd = cost_nano_usd + :cost, overhead_nano_usd = overhead_nano_usd + :overhead, cost_unknown = cost_unknown + :unknown
WHERE bucket_ms = :bucket_ms AND workflow = :workflow AND tenant = :tenant AND team = :team AND application = :application
