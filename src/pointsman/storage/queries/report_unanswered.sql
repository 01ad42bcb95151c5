-- Calls that nobody answered, by capability and what the caller was told, in a span of time.
SELECT capability, status, COUNT(*) AS calls
FROM call
WHERE call_id >= :first_id AND started_ms >= :since_ms AND started_ms < :until_ms AND status <> 'ok'
GROUP BY capability, status
ORDER BY calls DESC, capability, status
