INSERT INTO snapshot (digest, since_ms, parent, author, files)
VALUES (:digest, :since_ms, :parent, :author, :files)
ON CONFLICT (digest, since_ms) DO NOTHING
