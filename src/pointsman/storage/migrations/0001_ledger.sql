-- The ledger, first form: one row per call, one per attempt, outcomes, hardware time, and roll-ups by minute and hour.
CREATE TABLE call (
    call_id TEXT PRIMARY KEY,
    started_ms INTEGER NOT NULL,
    capability TEXT NOT NULL,
    unit TEXT NOT NULL,
    key_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    team TEXT,
    application TEXT,
    "user" TEXT,
    data_class TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    target TEXT,
    place TEXT,
    latency_ms REAL NOT NULL,
    attempts INTEGER NOT NULL,
    cost_nano_usd INTEGER,
    considered TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE attempt (
    call_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    place TEXT NOT NULL,
    target TEXT NOT NULL,
    error TEXT,
    latency_ms REAL NOT NULL,
    first_byte_ms REAL,
    tokens_in INTEGER,
    tokens_out INTEGER,
    cache_read INTEGER,
    cache_write INTEGER,
    reasoning INTEGER,
    cost_nano_usd INTEGER,
    price_id TEXT,
    estimated INTEGER NOT NULL,
    PRIMARY KEY (call_id, seq)
) WITHOUT ROWID;

-- `recorded` tells the order of arrival. An id belongs to its tenant: nobody can use up another's.
CREATE TABLE outcome (
    recorded INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    outcome_id TEXT NOT NULL,
    unit TEXT NOT NULL,
    capability TEXT,
    kind TEXT NOT NULL,
    success INTEGER NOT NULL,
    value_nano_usd INTEGER,
    at_ms INTEGER NOT NULL,
    source TEXT NOT NULL,
    UNIQUE (tenant, outcome_id)
);
CREATE INDEX outcome_by_unit ON outcome (tenant, unit);

-- Own hardware by hour: what was paid for, and the part of it in which calls ran.
CREATE TABLE infra_cost (
    target TEXT NOT NULL,
    hour_ms INTEGER NOT NULL,
    paid_s REAL NOT NULL,
    paid_nano_usd INTEGER NOT NULL,
    busy_s REAL NOT NULL,
    busy_nano_usd INTEGER NOT NULL,
    PRIMARY KEY (target, hour_ms)
) WITHOUT ROWID;

CREATE TABLE rollup_minute (
    bucket_ms INTEGER NOT NULL,
    capability TEXT NOT NULL,
    place TEXT NOT NULL,
    target TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    calls INTEGER NOT NULL,
    ok INTEGER NOT NULL,
    fallbacks INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    cost_unknown INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    PRIMARY KEY (bucket_ms, capability, place, target, snapshot)
) WITHOUT ROWID;

CREATE TABLE rollup_hour (
    bucket_ms INTEGER NOT NULL,
    capability TEXT NOT NULL,
    place TEXT NOT NULL,
    target TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    calls INTEGER NOT NULL,
    ok INTEGER NOT NULL,
    fallbacks INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    cost_unknown INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    PRIMARY KEY (bucket_ms, capability, place, target, snapshot)
) WITHOUT ROWID;

-- Latencies in bins of a fifth of an octave: bin = floor(5 * log2(latency in ms)).
CREATE TABLE latency_hour (
    bucket_ms INTEGER NOT NULL,
    capability TEXT NOT NULL,
    bin INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (bucket_ms, capability, bin)
) WITHOUT ROWID;
