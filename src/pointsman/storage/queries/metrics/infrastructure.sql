-- Infrastructure: what own hardware was paid for in a span and how much of it calls used, by target. The rest was idle and is allocated to nobody.
SELECT target,
       SUM(paid_s) AS paid_s,
       SUM(paid_nano_usd) AS paid_nano_usd,
       SUM(busy_s) AS busy_s,
       SUM(busy_nano_usd) AS busy_nano_usd
FROM infra_cost
WHERE hour_ms >= :since_ms AND hour_ms < :until_ms
GROUP BY target
ORDER BY target
