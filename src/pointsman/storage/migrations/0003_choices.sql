-- Choices by predicted value: what every candidate was expected to be worth, with which parameters, and what of the prompt was looked at.
ALTER TABLE decision ADD COLUMN learned TEXT;
ALTER TABLE decision ADD COLUMN weighed TEXT;
ALTER TABLE decision ADD COLUMN features TEXT;
-- They go before the rest of the record does.
CREATE INDEX decision_with_features ON decision (call_id) WHERE features IS NOT NULL;
-- Scores of answers that were not given: those of shadow attempts. Empty is the answer that was given.
ALTER TABLE score ADD COLUMN target TEXT NOT NULL DEFAULT '';
