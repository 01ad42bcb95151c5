-- Calls of a capability that were chosen by value after a time, oldest first, a page at a time.
SELECT c.call_id AS call_id, c.started_ms AS started_ms, d.weighed AS weighed
FROM call AS c
JOIN decision AS d ON d.call_id = c.call_id AND d.seq = 0
WHERE c.call_id > :after_id AND c.call_id < :last_id AND c.capability = :capability AND d.weighed IS NOT NULL AND d.mode <> 'shadow'
ORDER BY c.call_id
LIMIT :most
