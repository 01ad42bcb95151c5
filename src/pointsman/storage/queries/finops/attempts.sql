-- Attempts of calls in order of their key, a page at a time, with when their call began.
SELECT a.call_id AS call_id,
       a.seq AS seq,
       a.target AS target,
       a.kind AS kind,
       a.shadow AS shadow,
       a.error AS error,
       a.estimated AS estimated,
       a.tokens_in AS tokens_in,
       a.tokens_out AS tokens_out,
       a.cache_read AS cache_read,
       a.cache_write AS cache_write,
       a.reasoning AS reasoning,
       a.cost_nano_usd AS cost_nano_usd,
       COALESCE(a.price_id, '') AS price_id,
       c.started_ms AS started_ms
FROM attempt AS a
JOIN call AS c ON c.call_id = a.call_id
WHERE a.call_id >= :first_id AND a.call_id < :last_id AND (a.call_id > :first_id OR a.seq > :seq) AND a.place IN ('cloud', 'private', 'edge')
ORDER BY a.call_id, a.seq
LIMIT :most
