-- The keys of kept content, each wrapped by the one above it: master → tenant → day and subject. `proof` tells whether a master key is the right one.
CREATE TABLE master (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    proof BLOB NOT NULL
);

CREATE TABLE key (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    key_id TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    PRIMARY KEY (tenant, kind, name)
) WITHOUT ROWID;

-- Who was erased, and when. It stands here because this file is not part of ordinary backups: restoring one cannot undo it.
CREATE TABLE tombstone (
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    erased_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, subject)
) WITHOUT ROWID;

-- Legal holds. `name` is a keyed digest, `sealed` the name itself under the tenant's key.
CREATE TABLE hold (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    held_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, name)
) WITHOUT ROWID;
