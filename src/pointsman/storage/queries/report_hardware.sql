-- Paid and busy time of own hardware in a span of time.
SELECT target, SUM(paid_nano_usd) AS paid_nano_usd, SUM(busy_s) AS busy_s, COUNT(*) AS hours
FROM infra_cost
WHERE hour_ms >= :since_ms AND hour_ms < :until_ms
GROUP BY target
ORDER BY target
