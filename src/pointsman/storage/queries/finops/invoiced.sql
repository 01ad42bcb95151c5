-- What was invoiced by vendor, model and day. Tokens are told where any line tells them.
SELECT vendor,
       model,
       day_ms,
       SUM(nano_usd) AS nano_usd,
       SUM(CASE WHEN tokens_in IS NULL AND tokens_out IS NULL THEN NULL ELSE COALESCE(tokens_in, 0) + COALESCE(tokens_out, 0) END) AS tokens
FROM invoice_line
WHERE day_ms >= :since_ms AND day_ms < :until_ms
GROUP BY vendor, model, day_ms
ORDER BY vendor, model, day_ms
