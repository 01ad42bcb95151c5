-- What trials of calls within a span of ids cost, by capability and kind of trial.
SELECT c.capability AS capability, d.mode AS mode, SUM(c.cost_nano_usd) AS nano_usd
FROM decision AS d
JOIN call AS c ON c.call_id = d.call_id
WHERE d.call_id >= :first AND d.call_id < :last AND d.mode IN ('explore', 'shadow')
GROUP BY c.capability, d.mode
