-- Jobs of one owner that may run at once while this worker claims, so that a job that waits for it can be told so.
ALTER TABLE workers ADD COLUMN owner_cap bigint CHECK (owner_cap >= 1);
