-- The roll-up by tag, by the difference.
UPDATE rollup_tag_day
SET cost_nano_usd = cost_nano_usd + :cost, cost_unknown = cost_unknown + :unknown
WHERE bucket_ms = :bucket_ms AND workflow = :workflow AND tag = :tag AND value = :value
