-- The newest scores of one workflow in a span, at most `:most`, by metric, as the sums from which the rectified mean and its interval follow.
-- A call that was judged several times counts once, with the mean. `gap` is human minus judge where both spoke; `w` = 1 / selection_propensity of the label.
WITH per_call AS (
    SELECT metric,
           call_id,
           AVG(CASE WHEN is_human = 0 THEN value END) AS judged,
           AVG(CASE WHEN is_human = 1 THEN value END) AS human,
           AVG(CASE WHEN is_human = 1 THEN 1 / selection_propensity END) AS w
    FROM (
        SELECT metric, call_id, is_human, value, selection_propensity
        FROM score
        WHERE workflow = :workflow AND at_ms >= :since_ms AND at_ms < :until_ms AND selection_propensity > 0
        ORDER BY at_ms DESC
        LIMIT :most
    ) AS newest
    GROUP BY metric, call_id
)
SELECT metric,
       COUNT(judged) AS judged_n,
       COALESCE(SUM(judged), 0) AS judged_sum,
       COALESCE(SUM(judged * judged), 0) AS judged_squares,
       COUNT(human) AS human_n,
       COALESCE(SUM(w), 0) AS human_w,
       COALESCE(SUM(w * human), 0) AS human_sum,
       COALESCE(SUM(w * w), 0) AS human_w2,
       COALESCE(SUM(w * w * human), 0) AS human_w2_sum,
       COALESCE(SUM(w * w * human * human), 0) AS human_w2_squares,
       COUNT(human - judged) AS gap_n,
       COALESCE(SUM(CASE WHEN judged IS NOT NULL THEN w END), 0) AS gap_w,
       COALESCE(SUM(w * (human - judged)), 0) AS gap_sum,
       COALESCE(SUM(CASE WHEN judged IS NOT NULL THEN w * w END), 0) AS gap_w2,
       COALESCE(SUM(w * w * (human - judged)), 0) AS gap_w2_sum,
       COALESCE(SUM(w * w * (human - judged) * (human - judged)), 0) AS gap_w2_squares
FROM per_call
GROUP BY metric
ORDER BY metric
