-- What was said in calls, as far as it may be kept. `subject` and `unit` are keyed digests; `request` and `answer` are sealed, or keyed digests of what was said.
CREATE TABLE content (
    call_id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    unit TEXT NOT NULL,
    label TEXT NOT NULL,
    keeping INTEGER NOT NULL,
    said_ms INTEGER NOT NULL,
    not_before_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    day INTEGER NOT NULL,
    day_key TEXT NOT NULL,
    subject_key TEXT NOT NULL,
    request BLOB,
    answer BLOB
);
CREATE INDEX content_by_end ON content (until_ms);
CREATE INDEX content_by_subject ON content (tenant, subject);
CREATE INDEX content_by_day ON content (tenant, day);
