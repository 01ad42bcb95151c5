-- The newest calls of a span that fit the filters, before a call's id. Only the newest :scan are looked through: however rare what is asked for, the question ends.
SELECT call_id, started_ms, workflow, capability, unit, tenant, team, application, key_id, data_class, status, target, place, latency_ms, attempts, cost_nano_usd,
       escalated_from, to_person
FROM (
    SELECT call_id, started_ms, workflow, capability, unit, tenant, team, application, key_id, data_class, status, target, place, latency_ms, attempts,
           cost_nano_usd, escalated_from, to_person
    FROM call
    WHERE call_id >= :first_id AND call_id < :before_id
    ORDER BY call_id DESC
    LIMIT :scan
) AS newest
WHERE COALESCE(:workflow, workflow) = workflow
  AND COALESCE(:capability, capability) = capability
  AND COALESCE(:place, COALESCE(place, 'none')) = COALESCE(place, 'none')
  AND COALESCE(:target, COALESCE(target, '')) = COALESCE(target, '')
  AND COALESCE(:team, COALESCE(team, '')) = COALESCE(team, '')
  AND COALESCE(:key_id, key_id) = key_id
  AND COALESCE(:status, status) = status
  AND (CAST(:is_not_ok AS INTEGER) = 0 OR status <> 'ok')
ORDER BY call_id DESC
LIMIT :most
