-- What one day's attempts of each target used and cost, by the price they were rated with. Refused attempts cost nothing and are left out.
SELECT target,
       COALESCE(model, '') AS model,
       COALESCE(price_id, '') AS price_id,
       COUNT(*) AS attempts,
       SUM(CASE WHEN cost_nano_usd IS NULL THEN 1 ELSE 0 END) AS unknown,
       SUM(COALESCE(cost_nano_usd, 0)) AS cost_nano_usd,
       SUM(COALESCE(tokens_in, 0) + COALESCE(tokens_out, 0)) AS tokens
FROM attempt
WHERE call_id >= :first_id AND call_id < :last_id AND place IN ('cloud', 'private', 'edge') AND (cost_nano_usd IS NULL OR cost_nano_usd <> 0 OR error IS NULL)
GROUP BY target, COALESCE(model, ''), COALESCE(price_id, '')
ORDER BY target
