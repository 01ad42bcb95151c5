-- The same from the roll-ups, which outlive the rows that are sealed and detached.
WITH unborne AS (
    SELECT charge.workflow AS workflow, charge.unit AS unit, charge.nano_usd AS nano_usd
    FROM charge
    LEFT JOIN unit ON unit.tenant = charge.tenant AND unit.workflow = charge.workflow AND unit.unit = charge.unit
    WHERE unit.unit IS NULL
)
SELECT (SELECT COALESCE(SUM(cost_nano_usd), 0) FROM rollup_day) - (SELECT COALESCE(SUM(hardware_nano_usd), 0) FROM rollup_day) AS bought,
       (SELECT COALESCE(SUM(hardware_nano_usd), 0) FROM rollup_day) AS hardware,
       (SELECT COALESCE(SUM(nano_usd), 0) FROM charge) AS charged,
       (SELECT COALESCE(SUM(paid_nano_usd), 0) FROM infra_cost) AS paid,
       (SELECT COALESCE(SUM(busy_nano_usd), 0) FROM infra_cost) AS busy,
       (SELECT COALESCE(SUM(cost_nano_usd + human_nano_usd), 0) FROM rollup_unit) AS units,
       (SELECT COALESCE(SUM(nano_usd), 0) FROM unborne WHERE workflow = '') AS without_workflow,
       (SELECT COALESCE(SUM(nano_usd), 0) FROM unborne WHERE workflow <> '' AND unit = '') AS without_unit,
       (SELECT COALESCE(SUM(nano_usd), 0) FROM unborne WHERE workflow <> '' AND unit <> '') AS of_unknown_units
