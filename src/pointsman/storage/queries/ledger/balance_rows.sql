-- Everything that was spent by the rows that say so, and everything that units bear. Reads whole tables: a check, not a page.
WITH unborne AS (
    SELECT charge.workflow AS workflow, charge.unit AS unit, charge.nano_usd AS nano_usd
    FROM charge
    LEFT JOIN unit ON unit.tenant = charge.tenant AND unit.workflow = charge.workflow AND unit.unit = charge.unit
    WHERE unit.unit IS NULL
)
SELECT (SELECT COALESCE(SUM(cost_nano_usd), 0) FROM attempt WHERE price_id IS NULL OR price_id <> 'hardware') AS bought,
       (SELECT COALESCE(SUM(cost_nano_usd), 0) FROM attempt WHERE price_id = 'hardware') AS hardware,
       (SELECT COALESCE(SUM(nano_usd), 0) FROM charge) AS charged,
       (SELECT COALESCE(SUM(paid_nano_usd), 0) FROM infra_cost) AS paid,
       (SELECT COALESCE(SUM(busy_nano_usd), 0) FROM infra_cost) AS busy,
       (SELECT COALESCE(SUM(cost_nano_usd + human_nano_usd), 0) FROM unit) AS units,
       (SELECT COALESCE(SUM(nano_usd), 0) FROM unborne WHERE workflow = '') AS without_workflow,
       (SELECT COALESCE(SUM(nano_usd), 0) FROM unborne WHERE workflow <> '' AND unit = '') AS without_unit,
       (SELECT COALESCE(SUM(nano_usd), 0) FROM unborne WHERE workflow <> '' AND unit <> '') AS of_unknown_units
