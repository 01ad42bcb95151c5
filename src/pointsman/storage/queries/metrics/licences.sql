-- Licences of a span by workflow; those without a workflow are allocated to nobody. They are no tenant's and no unit's, which is how the index finds them
-- among the charges for people's time; `+ 0` keeps the search from going by time instead.
SELECT workflow, SUM(nano_usd) AS nano_usd
FROM charge
WHERE tenant = '' AND unit = '' AND kind = 'licence' AND at_ms + 0 >= :since_ms AND at_ms + 0 < :until_ms
  AND COALESCE(:workflow, workflow) = workflow
GROUP BY workflow
ORDER BY workflow
