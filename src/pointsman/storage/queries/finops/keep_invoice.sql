-- One line of an invoice.
INSERT INTO invoice_line (invoice, line, vendor, model, day_ms, nano_usd, tokens_in, tokens_out)
VALUES (:invoice, :line, :vendor, :model, :day_ms, :nano_usd, :tokens_in, :tokens_out)
