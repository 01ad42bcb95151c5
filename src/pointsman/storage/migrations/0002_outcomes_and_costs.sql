-- Outcomes, costs and decisions: what a unit of business cost and was worth, and why each call went where it went.
-- Written in the part of SQL that SQLite and PostgreSQL share. Money is nano-dollars, time Unix milliseconds, a truth 0 or 1, what is not told ''.

-- The oldest schema whose programs may still write here. From this one on they name the columns that they fill, and migrations only add. One that does more
-- says so in this table. Programs of schema 1 fill columns by their position.
CREATE TABLE compatible (oldest_schema INTEGER NOT NULL);
INSERT INTO compatible (oldest_schema) VALUES (2);

ALTER TABLE call ADD COLUMN workflow TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN session TEXT;
ALTER TABLE call ADD COLUMN trace_id TEXT;
ALTER TABLE call ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
ALTER TABLE call ADD COLUMN found TEXT NOT NULL DEFAULT '{}';
ALTER TABLE call ADD COLUMN stream INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN first_byte_ms REAL;
ALTER TABLE call ADD COLUMN tokens_in INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN tokens_out INTEGER NOT NULL DEFAULT 0;
-- The part of the cost that is own hardware, and the part that no caller waited for: judges, summaries, shadows.
ALTER TABLE call ADD COLUMN hardware_nano_usd INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN overhead_nano_usd INTEGER NOT NULL DEFAULT 0;
-- Who was asked before and was not good enough (a tier up), and whether a person was asked.
ALTER TABLE call ADD COLUMN escalated_from TEXT;
ALTER TABLE call ADD COLUMN to_person INTEGER NOT NULL DEFAULT 0;
UPDATE call SET workflow = capability,
    tokens_in = COALESCE((SELECT SUM(attempt.tokens_in) FROM attempt WHERE attempt.call_id = call.call_id), 0),
    tokens_out = COALESCE((SELECT SUM(attempt.tokens_out) FROM attempt WHERE attempt.call_id = call.call_id), 0),
    hardware_nano_usd = COALESCE(
        (SELECT SUM(attempt.cost_nano_usd) FROM attempt WHERE attempt.call_id = call.call_id AND attempt.price_id = 'hardware'), 0);
CREATE INDEX call_by_unit ON call (tenant, unit, workflow);

ALTER TABLE attempt ADD COLUMN kind TEXT NOT NULL DEFAULT 'model';
ALTER TABLE attempt ADD COLUMN begun_ms REAL NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN shadow INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN reply_id TEXT;
ALTER TABLE attempt ADD COLUMN model TEXT;
ALTER TABLE attempt ADD COLUMN finish TEXT;
UPDATE attempt SET kind = 'rule' WHERE place = 'rules';
UPDATE attempt SET kind = 'cache' WHERE place = 'cache';

-- One choice of where a call runs: the candidates and what spoke against each as `target=code;…`, with the probability of the choice.
CREATE TABLE decision (
    call_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    mode TEXT NOT NULL,
    chosen TEXT,
    reason TEXT NOT NULL,
    vetoes TEXT NOT NULL,
    propensity REAL NOT NULL,
    release_id TEXT,
    predicted_quality REAL,
    predicted_cost_nano_usd INTEGER,
    predicted_latency_ms REAL,
    PRIMARY KEY (call_id, seq)
) WITHOUT ROWID;

ALTER TABLE outcome ADD COLUMN workflow TEXT;
ALTER TABLE outcome ADD COLUMN supersedes TEXT;
ALTER TABLE outcome ADD COLUMN reversed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outcome ADD COLUMN human_s REAL;
ALTER TABLE outcome ADD COLUMN queue TEXT;

-- A business item: a ticket, a lead, a part. Kept up with every call, charge and outcome, in their transaction.
-- `state`: open (nothing told), useful, failed, reversed. `closed_ms` is when the last outcome that counts happened; `last_ms` when the last call began.
CREATE TABLE unit (
    tenant TEXT NOT NULL,
    workflow TEXT NOT NULL,
    unit TEXT NOT NULL,
    opened_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    team TEXT NOT NULL,
    application TEXT NOT NULL,
    tags TEXT NOT NULL,
    calls INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    cost_unknown INTEGER NOT NULL,
    hardware_nano_usd INTEGER NOT NULL,
    overhead_nano_usd INTEGER NOT NULL,
    human_nano_usd INTEGER NOT NULL,
    human_s REAL NOT NULL,
    escalations INTEGER NOT NULL,
    to_person INTEGER NOT NULL,
    state TEXT NOT NULL,
    outcome_kind TEXT,
    outcome_id TEXT,
    closed_ms INTEGER,
    value_nano_usd INTEGER,
    in_time INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, workflow, unit)
) WITHOUT ROWID;
CREATE INDEX unit_by_time ON unit (workflow, opened_ms);

-- Money that no attempt stands for: people's minutes, licences, corrections. Without a unit it is not allocated to any.
CREATE TABLE charge (
    charge_id TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    tenant TEXT NOT NULL,
    workflow TEXT NOT NULL,
    unit TEXT NOT NULL,
    queue TEXT NOT NULL,
    seconds REAL NOT NULL,
    nano_usd INTEGER NOT NULL,
    source TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX charge_by_time ON charge (at_ms);
CREATE INDEX charge_by_unit ON charge (tenant, workflow, unit);

CREATE TABLE review (
    review_id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    workflow TEXT NOT NULL,
    unit TEXT NOT NULL,
    queue TEXT NOT NULL,
    reason TEXT NOT NULL,
    selection_propensity REAL NOT NULL,
    assigned_ms INTEGER,
    done_ms INTEGER,
    reviewer TEXT,
    verdict TEXT,
    edit_distance REAL,
    severity TEXT,
    seconds REAL,
    nano_usd INTEGER
) WITHOUT ROWID;
CREATE INDEX review_by_time ON review (workflow, done_ms);
CREATE INDEX review_by_call ON review (call_id);

-- A measured quality between 0 and 1. The judge's version is a part of `judge`.
CREATE TABLE score (
    score_id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    metric TEXT NOT NULL,
    judge TEXT NOT NULL,
    value REAL NOT NULL,
    label TEXT,
    is_human INTEGER NOT NULL,
    selection_propensity REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX score_by_time ON score (workflow, at_ms);
CREATE INDEX score_by_call ON score (call_id);

-- What was in force when. `files` is a JSON object: path beside the configuration → text. Secrets are never in it, only references to them.
CREATE TABLE snapshot (
    digest TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    parent TEXT,
    author TEXT NOT NULL,
    files TEXT NOT NULL,
    PRIMARY KEY (digest, since_ms)
) WITHOUT ROWID;

CREATE TABLE workflow (
    name TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    owner TEXT NOT NULL,
    unit_name TEXT NOT NULL,
    window_ms INTEGER NOT NULL,
    complete_ms INTEGER NOT NULL,
    value_nano_usd INTEGER,
    human_hourly_nano_usd INTEGER NOT NULL,
    PRIMARY KEY (name, since_ms)
) WITHOUT ROWID;

CREATE TABLE target (
    name TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    place TEXT NOT NULL,
    vendor TEXT NOT NULL,
    kind TEXT NOT NULL,
    model TEXT NOT NULL,
    region TEXT NOT NULL,
    zone TEXT NOT NULL,
    PRIMARY KEY (name, since_ms)
) WITHOUT ROWID;

-- A price as it was used, in nano-dollars per million tokens. `target` is a target's name, or '' for every target that used this price.
CREATE TABLE price (
    price_id TEXT NOT NULL,
    target TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    cache_read INTEGER,
    cache_write INTEGER,
    tiers TEXT NOT NULL,
    per_request_nano_usd INTEGER NOT NULL,
    PRIMARY KEY (price_id, target)
) WITHOUT ROWID;

-- What a vendor's invoice says, by day and model, for reconciliation.
CREATE TABLE invoice_line (
    invoice TEXT NOT NULL,
    line INTEGER NOT NULL,
    vendor TEXT NOT NULL,
    model TEXT NOT NULL,
    day_ms INTEGER NOT NULL,
    nano_usd INTEGER NOT NULL,
    tokens_in INTEGER,
    tokens_out INTEGER,
    PRIMARY KEY (invoice, line)
) WITHOUT ROWID;

CREATE TABLE release (
    release_id TEXT PRIMARY KEY,
    workflow TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    stage TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    predicted_effect REAL,
    evidence TEXT NOT NULL
) WITHOUT ROWID;

-- A budget or an objective that spoke: once for each rule and period.
CREATE TABLE budget_event (
    event_id TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    rule TEXT NOT NULL,
    says TEXT NOT NULL,
    value REAL NOT NULL,
    threshold REAL NOT NULL,
    told_ms INTEGER
) WITHOUT ROWID;
CREATE INDEX budget_event_by_time ON budget_event (at_ms);

CREATE TABLE incident (
    incident_id TEXT PRIMARY KEY,
    opened_ms INTEGER NOT NULL,
    closed_ms INTEGER,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    workflow TEXT NOT NULL,
    target TEXT NOT NULL,
    cause TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    until_ms INTEGER,
    opened_by TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE incident_event (
    incident_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    says TEXT NOT NULL,
    PRIMARY KEY (incident_id, seq)
) WITHOUT ROWID;

-- What is shut off by hand: a vendor, a target or a capability.
CREATE TABLE switch (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;

-- Roll-ups. `cost_nano_usd` is everything attempts cost; hardware and overhead are parts of it.
CREATE TABLE rolled_minute (
    bucket_ms INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    capability TEXT NOT NULL,
    place TEXT NOT NULL,
    target TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    tenant TEXT NOT NULL,
    team TEXT NOT NULL,
    application TEXT NOT NULL,
    calls INTEGER NOT NULL,
    ok INTEGER NOT NULL,
    fallbacks INTEGER NOT NULL,
    escalations INTEGER NOT NULL,
    to_person INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    cost_unknown INTEGER NOT NULL,
    hardware_nano_usd INTEGER NOT NULL,
    overhead_nano_usd INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    latency_ms REAL NOT NULL,
    PRIMARY KEY (bucket_ms, workflow, capability, place, target, snapshot, tenant, team, application)
) WITHOUT ROWID;
CREATE TABLE rolled_hour (
    bucket_ms INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    capability TEXT NOT NULL,
    place TEXT NOT NULL,
    target TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    tenant TEXT NOT NULL,
    team TEXT NOT NULL,
    application TEXT NOT NULL,
    calls INTEGER NOT NULL,
    ok INTEGER NOT NULL,
    fallbacks INTEGER NOT NULL,
    escalations INTEGER NOT NULL,
    to_person INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    cost_unknown INTEGER NOT NULL,
    hardware_nano_usd INTEGER NOT NULL,
    overhead_nano_usd INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    latency_ms REAL NOT NULL,
    PRIMARY KEY (bucket_ms, workflow, capability, place, target, snapshot, tenant, team, application)
) WITHOUT ROWID;
CREATE TABLE rolled_day (
    bucket_ms INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    capability TEXT NOT NULL,
    place TEXT NOT NULL,
    target TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    tenant TEXT NOT NULL,
    team TEXT NOT NULL,
    application TEXT NOT NULL,
    calls INTEGER NOT NULL,
    ok INTEGER NOT NULL,
    fallbacks INTEGER NOT NULL,
    escalations INTEGER NOT NULL,
    to_person INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    cost_unknown INTEGER NOT NULL,
    hardware_nano_usd INTEGER NOT NULL,
    overhead_nano_usd INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    latency_ms REAL NOT NULL,
    PRIMARY KEY (bucket_ms, workflow, capability, place, target, snapshot, tenant, team, application)
) WITHOUT ROWID;
INSERT INTO rolled_minute
SELECT bucket_ms, capability, capability, place, target, snapshot, '', '', '', calls, ok, fallbacks, 0, 0, cost_nano_usd, cost_unknown, 0, 0,
       tokens_in, tokens_out, 0, 0, 0
FROM rollup_minute;
INSERT INTO rolled_hour
SELECT bucket_ms, capability, capability, place, target, snapshot, '', '', '', calls, ok, fallbacks, 0, 0, cost_nano_usd, cost_unknown, 0, 0,
       tokens_in, tokens_out, 0, 0, 0
FROM rollup_hour;
INSERT INTO rolled_day
SELECT bucket_ms - bucket_ms % 86400000, capability, capability, place, target, snapshot, '', '', '', SUM(calls), SUM(ok), SUM(fallbacks), 0, 0,
       SUM(cost_nano_usd), SUM(cost_unknown), 0, 0, SUM(tokens_in), SUM(tokens_out), 0, 0, 0
FROM rollup_hour
GROUP BY bucket_ms - bucket_ms % 86400000, capability, place, target, snapshot;
-- Schema 1 took a call for free where the cost of one attempt was unknown. What is known of it counts from now on, and so does its own hardware.
INSERT INTO rolled_minute (bucket_ms, workflow, capability, place, target, snapshot, tenant, team, application, calls, ok, fallbacks, escalations, to_person,
                           cost_nano_usd, cost_unknown, hardware_nano_usd, overhead_nano_usd, tokens_in, tokens_out, cache_read, reasoning, latency_ms)
SELECT call.started_ms - call.started_ms % 60000, call.capability, call.capability, COALESCE(call.place, 'none'), COALESCE(call.target, 'none'), call.snapshot,
       '', '', '', 0, 0, 0, 0, 0, SUM(CASE WHEN call.cost_nano_usd IS NULL THEN attempt.cost_nano_usd ELSE 0 END), 0,
       SUM(CASE WHEN attempt.price_id = 'hardware' THEN attempt.cost_nano_usd ELSE 0 END), 0, 0, 0, 0, 0, 0
FROM call
JOIN attempt ON attempt.call_id = call.call_id
WHERE attempt.cost_nano_usd IS NOT NULL
GROUP BY call.started_ms - call.started_ms % 60000, call.capability, COALESCE(call.place, 'none'), COALESCE(call.target, 'none'), call.snapshot
ON CONFLICT (bucket_ms, workflow, capability, place, target, snapshot, tenant, team, application) DO UPDATE SET
    cost_nano_usd = rolled_minute.cost_nano_usd + excluded.cost_nano_usd,
    hardware_nano_usd = rolled_minute.hardware_nano_usd + excluded.hardware_nano_usd;
INSERT INTO rolled_hour (bucket_ms, workflow, capability, place, target, snapshot, tenant, team, application, calls, ok, fallbacks, escalations, to_person,
                           cost_nano_usd, cost_unknown, hardware_nano_usd, overhead_nano_usd, tokens_in, tokens_out, cache_read, reasoning, latency_ms)
SELECT call.started_ms - call.started_ms % 3600000, call.capability, call.capability, COALESCE(call.place, 'none'), COALESCE(call.target, 'none'), call.snapshot,
       '', '', '', 0, 0, 0, 0, 0, SUM(CASE WHEN call.cost_nano_usd IS NULL THEN attempt.cost_nano_usd ELSE 0 END), 0,
       SUM(CASE WHEN attempt.price_id = 'hardware' THEN attempt.cost_nano_usd ELSE 0 END), 0, 0, 0, 0, 0, 0
FROM call
JOIN attempt ON attempt.call_id = call.call_id
WHERE attempt.cost_nano_usd IS NOT NULL
GROUP BY call.started_ms - call.started_ms % 3600000, call.capability, COALESCE(call.place, 'none'), COALESCE(call.target, 'none'), call.snapshot
ON CONFLICT (bucket_ms, workflow, capability, place, target, snapshot, tenant, team, application) DO UPDATE SET
    cost_nano_usd = rolled_hour.cost_nano_usd + excluded.cost_nano_usd,
    hardware_nano_usd = rolled_hour.hardware_nano_usd + excluded.hardware_nano_usd;
INSERT INTO rolled_day (bucket_ms, workflow, capability, place, target, snapshot, tenant, team, application, calls, ok, fallbacks, escalations, to_person,
                           cost_nano_usd, cost_unknown, hardware_nano_usd, overhead_nano_usd, tokens_in, tokens_out, cache_read, reasoning, latency_ms)
SELECT call.started_ms - call.started_ms % 86400000, call.capability, call.capability, COALESCE(call.place, 'none'), COALESCE(call.target, 'none'), call.snapshot,
       '', '', '', 0, 0, 0, 0, 0, SUM(CASE WHEN call.cost_nano_usd IS NULL THEN attempt.cost_nano_usd ELSE 0 END), 0,
       SUM(CASE WHEN attempt.price_id = 'hardware' THEN attempt.cost_nano_usd ELSE 0 END), 0, 0, 0, 0, 0, 0
FROM call
JOIN attempt ON attempt.call_id = call.call_id
WHERE attempt.cost_nano_usd IS NOT NULL
GROUP BY call.started_ms - call.started_ms % 86400000, call.capability, COALESCE(call.place, 'none'), COALESCE(call.target, 'none'), call.snapshot
ON CONFLICT (bucket_ms, workflow, capability, place, target, snapshot, tenant, team, application) DO UPDATE SET
    cost_nano_usd = rolled_day.cost_nano_usd + excluded.cost_nano_usd,
    hardware_nano_usd = rolled_day.hardware_nano_usd + excluded.hardware_nano_usd;
DROP TABLE rollup_minute;
DROP TABLE rollup_hour;
ALTER TABLE rolled_minute RENAME TO rollup_minute;
ALTER TABLE rolled_hour RENAME TO rollup_hour;
ALTER TABLE rolled_day RENAME TO rollup_day;

-- Units by the hour in which they were opened; what is told later moves them from one state to another here too.
CREATE TABLE rollup_unit (
    bucket_ms INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    tenant TEXT NOT NULL,
    team TEXT NOT NULL,
    application TEXT NOT NULL,
    units INTEGER NOT NULL,
    told INTEGER NOT NULL,
    useful INTEGER NOT NULL,
    reversed INTEGER NOT NULL,
    in_time INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    cost_unknown INTEGER NOT NULL,
    hardware_nano_usd INTEGER NOT NULL,
    overhead_nano_usd INTEGER NOT NULL,
    human_nano_usd INTEGER NOT NULL,
    human_s REAL NOT NULL,
    escalated INTEGER NOT NULL,
    to_person INTEGER NOT NULL,
    value_nano_usd INTEGER NOT NULL,
    PRIMARY KEY (bucket_ms, workflow, tenant, team, application)
) WITHOUT ROWID;

-- The units of what was there before. The last outcome that was told within a week counts, as it does where a workflow says nothing else.
INSERT INTO unit (tenant, workflow, unit, opened_ms, last_ms, team, application, tags, calls, cost_nano_usd, cost_unknown, hardware_nano_usd,
                  overhead_nano_usd, human_nano_usd, human_s, escalations, to_person, state, outcome_kind, outcome_id, closed_ms, value_nano_usd, in_time)
WITH known AS (
    SELECT call_id, SUM(cost_nano_usd) AS cost_nano_usd FROM attempt GROUP BY call_id
),
numbered AS (
    SELECT call.tenant AS tenant, call.workflow AS workflow, call.unit AS unit, call.started_ms AS started_ms, call.team AS team,
           call.application AS application, COALESCE(known.cost_nano_usd, 0) AS cost_nano_usd, call.hardware_nano_usd AS hardware_nano_usd,
           CASE WHEN call.cost_nano_usd IS NULL THEN 1 ELSE 0 END AS is_unknown,
           ROW_NUMBER() OVER (PARTITION BY call.tenant, call.workflow, call.unit ORDER BY call.started_ms, call.call_id) AS place
    FROM call
    LEFT JOIN known ON known.call_id = call.call_id
),
opened AS (
    SELECT tenant, workflow, unit, MIN(started_ms) AS opened_ms, MAX(started_ms) AS last_ms, COALESCE(MAX(CASE WHEN place = 1 THEN team END), '') AS team,
           COALESCE(MAX(CASE WHEN place = 1 THEN application END), '') AS application, COUNT(*) AS calls, SUM(cost_nano_usd) AS cost_nano_usd,
           SUM(is_unknown) AS cost_unknown, SUM(hardware_nano_usd) AS hardware_nano_usd
    FROM numbered
    GROUP BY tenant, workflow, unit
),
told AS (
    SELECT opened.tenant AS tenant, opened.workflow AS workflow, opened.unit AS unit, outcome.kind AS kind, outcome.outcome_id AS outcome_id,
           outcome.success AS success, outcome.at_ms AS at_ms, outcome.value_nano_usd AS value_nano_usd,
           ROW_NUMBER() OVER (PARTITION BY opened.tenant, opened.workflow, opened.unit ORDER BY outcome.at_ms DESC, outcome.recorded DESC) AS newest
    FROM opened
    JOIN outcome ON outcome.tenant = opened.tenant AND outcome.unit = opened.unit AND outcome.at_ms <= opened.opened_ms + 604800000
    WHERE outcome.capability IS NULL OR outcome.capability = opened.workflow
)
SELECT opened.tenant, opened.workflow, opened.unit, opened.opened_ms, opened.last_ms, opened.team, opened.application, '{}', opened.calls,
       opened.cost_nano_usd, opened.cost_unknown, opened.hardware_nano_usd, 0, 0, 0, 0, 0,
       CASE WHEN told.success IS NULL THEN 'open' WHEN told.success = 1 THEN 'useful' ELSE 'failed' END,
       told.kind, told.outcome_id, told.at_ms, CASE WHEN told.success = 1 THEN told.value_nano_usd END, CASE WHEN told.success IS NULL THEN 0 ELSE 1 END
FROM opened
LEFT JOIN told ON told.tenant = opened.tenant AND told.workflow = opened.workflow AND told.unit = opened.unit AND told.newest = 1;
INSERT INTO rollup_unit (bucket_ms, workflow, tenant, team, application, units, told, useful, reversed, in_time, calls, cost_nano_usd, cost_unknown,
                         hardware_nano_usd, overhead_nano_usd, human_nano_usd, human_s, escalated, to_person, value_nano_usd)
SELECT opened_ms - opened_ms % 3600000, workflow, tenant, team, application, COUNT(*), SUM(CASE WHEN state <> 'open' THEN 1 ELSE 0 END),
       SUM(CASE WHEN state = 'useful' THEN 1 ELSE 0 END), 0, SUM(in_time), SUM(calls), SUM(cost_nano_usd), SUM(cost_unknown), SUM(hardware_nano_usd),
       0, 0, 0, 0, 0, SUM(COALESCE(value_nano_usd, 0))
FROM unit
GROUP BY opened_ms - opened_ms % 3600000, workflow, tenant, team, application;

CREATE TABLE rollup_tag_day (
    bucket_ms INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    tag TEXT NOT NULL,
    value TEXT NOT NULL,
    calls INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    cost_unknown INTEGER NOT NULL,
    PRIMARY KEY (bucket_ms, workflow, tag, value)
) WITHOUT ROWID;

-- Latencies of calls by who answered, in bins of a fifth of an octave.
CREATE TABLE rolled_latency (
    bucket_ms INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    capability TEXT NOT NULL,
    target TEXT NOT NULL,
    bin INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (bucket_ms, workflow, capability, target, bin)
) WITHOUT ROWID;
INSERT INTO rolled_latency SELECT bucket_ms, capability, capability, '', bin, calls FROM latency_hour;
DROP TABLE latency_hour;
ALTER TABLE rolled_latency RENAME TO latency_hour;

-- Failed attempts by target and kind.
CREATE TABLE failure_hour (
    bucket_ms INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    target TEXT NOT NULL,
    kind TEXT NOT NULL,
    error TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    failed INTEGER NOT NULL,
    PRIMARY KEY (bucket_ms, workflow, target, kind, error, snapshot)
) WITHOUT ROWID;

-- What the parts of the file that may be read without this program need to know: sealed segments, and what they hold.
CREATE TABLE segment (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    day_ms INTEGER NOT NULL,
    sealed_ms INTEGER NOT NULL,
    rows_held INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    is_detached INTEGER NOT NULL
) WITHOUT ROWID;
