-- The roll-up by day, by the difference.
UPDATE rollup_day
SET cost_nano_usd = cost_nano_usd + :cost, overhead_nano_usd = overhead_nano_usd + :overhead, cost_unknown = cost_unknown + :unknown
WHERE bucket_ms = :bucket_ms AND workflow = :workflow AND capability = :capability AND place = :place AND target = :target
  AND snapshot = :snapshot AND tenant = :tenant AND team = :team AND application = :application
