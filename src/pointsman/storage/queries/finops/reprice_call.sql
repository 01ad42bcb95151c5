-- Where one call stands in the roll-ups: '' for what it did not tell, `none` where nothing was tried.
SELECT workflow,
       capability,
       COALESCE(place, 'none') AS place,
       COALESCE(target, 'none') AS target,
       snapshot,
       tenant,
       COALESCE(team, '') AS team,
       COALESCE(application, '') AS application,
       unit,
       started_ms,
       cost_nano_usd,
       tags
FROM call
WHERE call_id = :call_id
