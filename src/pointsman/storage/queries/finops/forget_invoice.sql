-- An invoice that is imported again takes the place of what was kept under its name.
DELETE FROM invoice_line
WHERE invoice = :invoice
