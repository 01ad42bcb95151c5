-- A call by its id, if it is this tenant's.
SELECT call_id, workflow, trace_id
FROM call
WHERE call_id = :call_id AND tenant = :tenant
