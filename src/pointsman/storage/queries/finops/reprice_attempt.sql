-- One attempt at the price that was in force.
UPDATE attempt
SET cost_nano_usd = :cost, price_id = :price_id
WHERE call_id = :call_id AND seq = :seq
