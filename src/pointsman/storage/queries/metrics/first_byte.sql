-- When the first byte came in the newest calls of a span, at most `:most` of them: it is not kept in roll-ups.
SELECT workflow, first_byte_ms
FROM (
    SELECT workflow, capability, tenant, team, application, first_byte_ms
    FROM call
    WHERE call_id >= :first_id AND call_id < :last_id
    ORDER BY call_id DESC
    LIMIT :most
) AS newest
WHERE first_byte_ms IS NOT NULL
  AND COALESCE(:workflow, workflow) = workflow
  AND COALESCE(:capability, capability) = capability
  AND COALESCE(:tenant, tenant) = tenant
  AND COALESCE(:team, COALESCE(team, '')) = COALESCE(team, '')
  AND COALESCE(:application, COALESCE(application, '')) = COALESCE(application, '')
ORDER BY workflow, first_byte_ms
