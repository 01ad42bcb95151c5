-- Money that no attempt stands for: people's time, licences (`source` names each) and corrections.
SELECT kind,
       tenant,
       workflow,
       CASE WHEN kind = 'licence' THEN source ELSE '' END AS source,
       SUM(nano_usd) AS nano_usd
FROM charge
WHERE at_ms >= :since_ms AND at_ms < :until_ms
GROUP BY kind, tenant, workflow, CASE WHEN kind = 'licence' THEN source ELSE '' END
ORDER BY kind, tenant, workflow, source
