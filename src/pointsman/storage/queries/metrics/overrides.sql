-- Human override of one workflow: of the newest reviews of a span, at most `:most`, those that changed what the machine did, each weighted by 1 / selection_propensity,
-- so that reviews that were asked for because something looked wrong do not inflate the rate.
SELECT COUNT(*) AS reviews,
       COALESCE(SUM(1 / selection_propensity), 0) AS weight,
       COALESCE(SUM(CASE WHEN verdict IN ('edited', 'rejected', 'rerouted') THEN 1 ELSE 0 END), 0) AS overridden,
       COALESCE(SUM(CASE WHEN verdict IN ('edited', 'rejected', 'rerouted') THEN 1 / selection_propensity ELSE 0 END), 0) AS overridden_weight,
       COALESCE(SUM(CASE WHEN verdict = 'rerouted' THEN 1 / selection_propensity ELSE 0 END), 0) AS rerouted_weight
FROM (
    SELECT verdict, selection_propensity, tenant
    FROM review
    WHERE workflow = :workflow AND done_ms >= :since_ms AND done_ms < :until_ms AND verdict IS NOT NULL AND selection_propensity > 0
    ORDER BY done_ms DESC
    LIMIT :most
) AS newest
WHERE COALESCE(:tenant, tenant) = tenant
