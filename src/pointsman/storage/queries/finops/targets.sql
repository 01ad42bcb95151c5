-- Every target as it was, from when on.
SELECT name, since_ms, vendor, model
FROM target
WHERE since_ms < :until_ms
ORDER BY name, since_ms
