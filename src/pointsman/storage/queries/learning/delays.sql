-- How long it took until the outcome that counts was told, of units of a workflow that had their whole window; newest first.
SELECT closed_ms - opened_ms AS delay_ms
FROM unit
WHERE workflow = :workflow AND opened_ms <= :until_ms AND state <> 'open' AND closed_ms IS NOT NULL
ORDER BY opened_ms DESC
LIMIT :most
