-- Licences of a span by workflow; those without a workflow are allocated to nobody.
SELECT workflow, SUM(nano_usd) AS nano_usd
FROM charge
WHERE kind = 'licence' AND at_ms >= :since_ms AND at_ms < :until_ms
  AND COALESCE(:workflow, workflow) = workflow
GROUP BY workflow
ORDER BY workflow
