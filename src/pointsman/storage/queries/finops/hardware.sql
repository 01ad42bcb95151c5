-- Own hardware by target: what was paid for, and the part of it in which calls ran.
SELECT target,
       SUM(paid_s) AS paid_s,
       SUM(paid_nano_usd) AS paid_nano_usd,
       SUM(busy_s) AS busy_s,
       SUM(busy_nano_usd) AS busy_nano_usd
FROM infra_cost
WHERE hour_ms >= :since_ms AND hour_ms < :until_ms
GROUP BY target
ORDER BY target
