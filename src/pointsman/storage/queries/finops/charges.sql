-- Money that no attempt stands for, with the team and application of the item that it was spent on; '' where there is no such item.
SELECT c.kind AS kind,
       c.tenant AS tenant,
       c.workflow AS workflow,
       COALESCE(u.team, '') AS team,
       COALESCE(u.application, '') AS application,
       CASE WHEN c.unit = '' THEN 0 ELSE 1 END AS has_unit,
       SUM(c.nano_usd) AS nano_usd,
       SUM(c.seconds) AS seconds
FROM charge AS c
LEFT JOIN unit AS u ON u.tenant = c.tenant AND u.workflow = c.workflow AND u.unit = c.unit AND c.unit <> ''
WHERE c.at_ms >= :since_ms AND c.at_ms < :until_ms
GROUP BY c.kind, c.tenant, c.workflow, COALESCE(u.team, ''), COALESCE(u.application, ''), CASE WHEN c.unit = '' THEN 0 ELSE 1 END
ORDER BY 1, 2, 3, 4, 5, 6
