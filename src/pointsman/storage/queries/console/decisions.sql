-- How the targets of one call were chosen.
SELECT seq, mode, chosen, reason, vetoes, propensity, release_id, predicted_quality, predicted_cost_nano_usd, predicted_latency_ms,
    learned, weighed
FROM decision
WHERE call_id = :call_id
ORDER BY seq
