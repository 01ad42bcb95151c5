-- What a call cost now: nothing is known of the sum while a part is unknown.
UPDATE call
SET cost_nano_usd = :whole, overhead_nano_usd = overhead_nano_usd + :overhead
WHERE call_id = :call_id
