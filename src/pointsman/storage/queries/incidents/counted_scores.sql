-- Scores are weighted by how likely the call was to be looked at, so that looking where it went wrong does not make it look worse.
SELECT COUNT(*) AS scores,
       COALESCE(SUM(CASE WHEN value >= :threshold THEN 1.0 / selection_propensity ELSE 0.0 END), 0.0) AS good_weight,
       COALESCE(SUM(1.0 / selection_propensity), 0.0) AS weight
FROM score
WHERE workflow = :workflow AND at_ms >= :since_ms AND at_ms < :until_ms AND selection_propensity > 0
