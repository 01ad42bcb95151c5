-- What keys did lately: of the newest :scan calls of a span only, however many there are.
SELECT key_id, COUNT(*) AS calls, SUM(CASE WHEN status = 'ok' THEN 1 ELSE 0 END) AS ok, SUM(COALESCE(cost_nano_usd, 0)) AS cost_nano_usd,
       MAX(started_ms) AS last_ms
FROM (SELECT call_id, key_id, status, cost_nano_usd, started_ms FROM call WHERE call_id >= :first_id ORDER BY call_id DESC LIMIT :scan) AS newest
GROUP BY key_id
ORDER BY COUNT(*) DESC, key_id
LIMIT :most
