-- How many calls were looked through, and the oldest of them.
SELECT COUNT(*) AS calls, MIN(call_id) AS oldest_id
FROM (SELECT call_id FROM call WHERE call_id >= :first_id AND call_id < :before_id ORDER BY call_id DESC LIMIT :scan) AS newest
