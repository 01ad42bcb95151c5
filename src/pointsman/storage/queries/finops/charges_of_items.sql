-- The same by who owns the item that it was spent on (`:by` is team or application). Where nobody does, `owner` is '' and the rest tells what it is.
SELECT kind,
       owner,
       CASE WHEN owner = '' THEN tenant ELSE '' END AS tenant,
       CASE WHEN owner = '' THEN workflow ELSE '' END AS workflow,
       CASE WHEN owner = '' AND kind = 'licence' THEN source ELSE '' END AS source,
       SUM(nano_usd) AS nano_usd
FROM (
    SELECT c.kind AS kind,
           c.tenant AS tenant,
           c.workflow AS workflow,
           c.source AS source,
           c.nano_usd AS nano_usd,
           COALESCE(CASE :by WHEN 'team' THEN u.team ELSE u.application END, '') AS owner
    FROM charge AS c
    LEFT JOIN unit AS u ON u.tenant = c.tenant AND u.workflow = c.workflow AND u.unit = c.unit AND c.unit <> ''
    WHERE c.at_ms >= :since_ms AND c.at_ms < :until_ms
) AS charged
GROUP BY kind, owner, CASE WHEN owner = '' THEN tenant ELSE '' END, CASE WHEN owner = '' THEN workflow ELSE '' END,
         CASE WHEN owner = '' AND kind = 'licence' THEN source ELSE '' END
ORDER BY kind, owner, 3, 4, 5
