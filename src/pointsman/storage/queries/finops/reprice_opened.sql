-- Where an item stands in the roll-up.
SELECT opened_ms, team, application
FROM unit
WHERE tenant = :tenant AND workflow = :workflow AND unit = :unit
