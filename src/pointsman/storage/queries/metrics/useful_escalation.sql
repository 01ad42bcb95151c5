-- Of the newest mature units of one workflow in a span, at most `:most`: how many were escalated, and how many of those became useful.
SELECT COALESCE(SUM(CASE WHEN escalations > 0 OR to_person > 0 THEN 1 ELSE 0 END), 0) AS escalated,
       COALESCE(SUM(CASE WHEN (escalations > 0 OR to_person > 0) AND state = 'useful' THEN 1 ELSE 0 END), 0) AS useful
FROM (
    SELECT tenant, team, application, escalations, to_person, state
    FROM unit
    WHERE workflow = :workflow AND opened_ms >= :since_ms AND opened_ms < :mature_ms
    ORDER BY opened_ms DESC
    LIMIT :most
) AS newest
WHERE COALESCE(:tenant, tenant) = tenant
  AND COALESCE(:team, team) = team
  AND COALESCE(:application, application) = application
