-- Decisions of a span of ids, at most :most of them, those of a choice by value with what their calls came to.
SELECT call.capability AS capability, call.target AS target, call.attempts AS attempts, call.cost_nano_usd AS cost_nano_usd,
       looked.mode AS mode, looked.propensity AS propensity, looked.weighed AS weighed
FROM (
    SELECT call_id, mode, propensity, weighed
    FROM decision
    WHERE call_id >= :first_id AND call_id < :last_id
    ORDER BY call_id
    LIMIT :most
) AS looked
JOIN call ON call.call_id = looked.call_id
WHERE looked.weighed IS NOT NULL
