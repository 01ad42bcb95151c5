-- The number of the last outcome.
SELECT COALESCE(MAX(recorded), 0) AS recorded FROM outcome
