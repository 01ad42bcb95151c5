-- How many calls there are between two keys.
SELECT COUNT(*) AS calls
FROM call
WHERE call_id >= :first_id AND call_id < :last_id
