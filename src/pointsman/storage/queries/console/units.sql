-- The units of this name, in whichever workflow, of one tenant.
SELECT tenant, workflow, unit, opened_ms, last_ms, team, application, tags, calls, cost_nano_usd, cost_unknown, hardware_nano_usd, overhead_nano_usd,
       human_nano_usd, human_s, escalations, to_person, state, outcome_kind, outcome_id, closed_ms, value_nano_usd
FROM unit
WHERE tenant = :tenant AND workflow = :workflow AND unit = :unit
