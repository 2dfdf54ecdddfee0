-- Counts what people change about it, which is what If-Match compares, as of runs.
ALTER TABLE datasets ADD COLUMN edition bigint NOT NULL DEFAULT 0;
ALTER TABLE checkpoints ADD COLUMN edition bigint NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN edition bigint NOT NULL DEFAULT 0;
