-- What was tried for calls between two keys, both included, in order.
SELECT call_id,
       seq,
       target,
       kind,
       price_id,
       tokens_in,
       tokens_out,
       cache_read,
       cache_write,
       reasoning,
       cost_nano_usd,
       latency_ms
FROM attempt
WHERE call_id >= :first_id AND call_id <= :last_id AND shadow = 0 AND kind IN ('model', 'person')
ORDER BY call_id, seq
