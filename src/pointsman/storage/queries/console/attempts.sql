-- The attempts of one call, in order.
SELECT seq, kind, place, target, error, begun_ms, latency_ms, first_byte_ms, tokens_in, tokens_out, cache_read, cache_write, reasoning, cost_nano_usd, price_id,
       estimated, shadow, model, reply_id, finish
FROM attempt
WHERE call_id = :call_id
ORDER BY seq
