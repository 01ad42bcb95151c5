-- The newest calls of a short time, at most so many: the primary key is in the order of time.
SELECT COUNT(*) AS calls, COALESCE(SUM(CASE WHEN latency_ms <= :threshold THEN 1 ELSE 0 END), 0) AS quick
FROM (
    SELECT latency_ms FROM call
    WHERE call_id >= :first_id AND call_id < :last_id AND workflow = :workflow
    ORDER BY call_id DESC
    LIMIT :most
) AS newest
