-- Prompts that models were sent, from a call on: of a bounded number of attempts, however few of them are of the workflow that is asked for.
SELECT a.call_id AS call_id,
       a.seq AS seq,
       a.target AS target,
       c.workflow AS workflow,
       CASE WHEN a.kind = 'model' AND a.shadow = 0 THEN 1 ELSE 0 END AS is_prompt,
       COALESCE(a.tokens_in, 0) AS tokens_in,
       COALESCE(a.tokens_out, 0) AS tokens_out,
       COALESCE(a.cache_read, 0) AS cache_read
FROM (
    SELECT call_id, seq, target, kind, shadow, tokens_in, tokens_out, cache_read
    FROM attempt
    WHERE call_id >= :first_id AND call_id < :last_id
    ORDER BY call_id, seq
    LIMIT :most
) AS a
JOIN call AS c ON c.call_id = a.call_id
ORDER BY a.call_id, a.seq
