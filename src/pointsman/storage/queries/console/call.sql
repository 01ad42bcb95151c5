-- One call.
SELECT call_id, started_ms, workflow, capability, unit, session, trace_id, tags, found, stream, key_id, tenant, team, application, "user" AS called_for, data_class,
       snapshot, status, reason, target, place, latency_ms, first_byte_ms, attempts, tokens_in, tokens_out, cost_nano_usd, hardware_nano_usd, overhead_nano_usd,
       escalated_from, to_person, considered
FROM call
WHERE call_id = :call_id
